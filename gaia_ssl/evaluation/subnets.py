"""kNN accuracy of a supernet's subnets, next to random weights."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import Config

from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.registry import MODELS
from gaia_ssl.space import Arch, count_cost
from gaia_ssl.utils.weights import init_quietly

from .folder import FolderKNN


def random_backbone(config: Config) -> DynamicBackbone:
    """The config's backbone before training, drawn with the config's seed."""
    torch.manual_seed(config.get('randomness', {}).get('seed') or 0)
    backbone = MODELS.build(config.model.backbone)
    init_quietly(backbone)
    return backbone


def evaluate_subnets(
    knn: FolderKNN,
    archs: Mapping[str, Arch],
    supernet: DynamicBackbone,
    baseline: DynamicBackbone | None = None,
) -> list[dict[str, Any]]:
    """The kNN top-1 of subnets, all evaluated on images that are decoded once.

    Args:
        knn: The evaluation.
        archs: The subnets by name.
        supernet: The trained supernet.
        baseline: The same supernet with random weights. Defaults to none.

    Returns:
        Per subnet its ``name``, ``arch``, ``flops``, ``params`` and ``knn_top1``, and with a
        baseline ``knn_top1_random``; top-1 in percent.
    """
    backbones = dict(knn_top1=supernet)
    if baseline is not None:
        backbones['knn_top1_random'] = baseline
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    nets = {
        (name, weights): backbone.extract(arch).to(device)
        for name, arch in archs.items()
        for weights, backbone in backbones.items()
    }
    top1 = knn(nets)
    rows = []
    for name, arch in archs.items():
        cost = count_cost(supernet.space, arch, knn.input_size)
        scores = {weights: round(top1[name, weights], 4) for weights in backbones}
        rows.append(dict(name=name, arch=arch, flops=cost.flops, params=cost.params, **scores))
    return rows
