"""Accuracy of frozen features of a supernet's subnets, next to random weights."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import Config

from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.registry import MODELS
from gaia_ssl.space import Arch, count_cost
from gaia_ssl.utils.weights import init_quietly

from .folder import FolderProbes


def random_backbone(config: Config) -> DynamicBackbone:
    """The config's backbone before training, drawn with the config's seed."""
    torch.manual_seed(config.get('randomness', {}).get('seed') or 0)
    backbone = MODELS.build(config.model.backbone)
    init_quietly(backbone)
    return backbone


def evaluate_subnets(
    probes: FolderProbes,
    archs: Mapping[str, Arch],
    supernet: DynamicBackbone,
    baseline: DynamicBackbone | None = None,
) -> list[dict[str, Any]]:
    """Judge subnets by kNN and a linear probe, on images that are decoded once.

    The progress is printed.

    Args:
        probes: The evaluation.
        archs: The subnets by name.
        supernet: The trained supernet.
        baseline: The same supernet with random weights. Defaults to none.

    Returns:
        Per subnet its ``name``, ``arch``, ``flops``, ``params``, ``knn_top1`` and ``linear_top1``,
        and with a baseline ``knn_top1_random`` and ``linear_top1_random``; top-1 in percent.
    """
    backbones = {'': supernet}
    if baseline is not None:
        backbones['_random'] = baseline
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    nets = {
        (name, weights): backbone.extract(arch).to(device)
        for name, arch in archs.items()
        for weights, backbone in backbones.items()
    }
    found = probes(nets, show_progress=True)
    rows = []
    for name, arch in archs.items():
        cost = count_cost(supernet.space, arch, probes.input_size)
        scores = {
            f'{kind}_top1{weights}': round(top1, 4)
            for weights in backbones
            for kind, top1 in found[name, weights]._asdict().items()
        }
        rows.append(dict(name=name, arch=arch, flops=cost.flops, params=cost.params, **scores))
    return rows
