"""Import an ordinary ResNet's weights into an extracted folder."""

import os.path as osp
import re
from collections.abc import Mapping
from typing import Any

import torch

from gaia_ssl.downstream.subnet import WEIGHTS_FILE
from gaia_ssl.models.backbones import SubnetResNet
from gaia_ssl.space import Arch, SearchSpace, count_cost
from gaia_ssl.space.families import ResNetFamily
from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import load_checkpoint, write_checkpoint
from gaia_ssl.utils.files import file_digest
from gaia_ssl.utils.weights import check_weights

from .output_folder import new_folder

# RGB on the scale 0 to 255, as torchvision's and OpenMMLab's weights were trained
IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
_FIRST = 'layer1.0.conv1.weight'


def import_resnet(checkpoint: str, out: str, input_size: int = 224) -> dict[str, Any]:
    """Write the weights of a ResNet of bottlenecks into a folder with a ``backbone.pth``.

    Its arch is read off the weights. Images are assumed to be normalised as torchvision's are;
    Caffe's weights, which need BGR, are not supported.

    Args:
        checkpoint: Path of weights in torchvision's naming, under any prefix: torchvision's own,
            mmpretrain's, or those of a method such as MoCo.
        out: The folder; it appears when it is complete.
        input_size: Side in pixels of the images to count multiply-adds for. Defaults to 224.

    Returns:
        The ``meta`` of ``backbone.pth``: the facts that ``Subnet.load`` reads, costs and origin.

    Raises:
        UserError: If the file does not hold such a ResNet, or ``out`` cannot be written.
    """
    weights = _backbone_of(load_checkpoint(checkpoint), checkpoint)
    arch = _arch_of(weights)
    space = SearchSpace.of_arch(ResNetFamily(), arch)
    check_weights(
        SubnetResNet(arch).state_dict(),
        weights,
        f'checkpoint: {checkpoint} is not a plain ResNet of bottlenecks',
        "give weights in torchvision's naming and layout",
    )
    cost = count_cost(space, arch, input_size)
    meta = dict(
        type='SubnetResNet',
        arch=arch,
        space=space.to_dict(),
        normalisation=IMAGENET,
        flops=cost.flops,
        params=cost.params,
        input_size=input_size,
        source=dict(checkpoint=checkpoint, checkpoint_sha256=file_digest(checkpoint)),
    )
    with new_folder(out, overwrite=True) as draft:
        write_checkpoint(dict(state_dict=weights, meta=meta), osp.join(draft, WEIGHTS_FILE))
    return meta


def _backbone_of(content: Any, checkpoint: str) -> dict[str, torch.Tensor]:
    """The weights of the backbone, without their prefix and the classifier's."""
    weights = content if isinstance(content, Mapping) else {}
    for key in ('state_dict', 'model'):
        weights = weights.get(key, weights)
    prefixes = [key[: -len(_FIRST)] for key in weights if str(key).endswith(_FIRST)]
    if not prefixes:
        raise UserError(
            f"checkpoint: {checkpoint} has no {_FIRST}; give a ResNet's weights as torchvision "
            'names them'
        )
    prefix = min(prefixes, key=len)
    weights = {key[len(prefix) :]: w for key, w in weights.items() if key.startswith(prefix)}
    return {key: w for key, w in weights.items() if re.match(r'(conv1|bn1|layer\d+)\.', key)}


def _arch_of(weights: Mapping[str, torch.Tensor]) -> Arch:
    """Infer stem width, widths and depths from names and shapes of first convolutions."""
    firsts = {
        tuple(map(int, match.groups())): len(weight)
        for key, weight in weights.items()
        if (match := re.fullmatch(r'layer(\d+)\.(\d+)\.conv1\.weight', key))
    }
    stages = sorted({stage for stage, _ in firsts})
    return dict(
        stem_width=len(weights['conv1.weight']),
        width=[firsts[stage, 0] for stage in stages],
        depth=[sum(other == stage for other, _ in firsts) for stage in stages],
    )
