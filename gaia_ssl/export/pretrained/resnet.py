"""ResNets and ResNeXts as torchvision, timm and OpenMMLab name their weights."""

import re
from collections.abc import Mapping

from torch import Tensor

from gaia_ssl.space import Arch
from gaia_ssl.space.families import ResNetFamily

MARKER = 'layer1.0.conv1.weight'
_BACKBONE = r'(stem|conv1|bn1|layer\d+)\.'
_BLOCK = r'layer(\d+)\.(\d+)\.conv1\.weight'


def own_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The backbone's weights by our names, which are theirs; the classifier is left out.

    Biases of convolutions, which some caffe weights have, become part of the norms' means.
    """
    return fold_biases({key: w for key, w in weights.items() if re.match(_BACKBONE, key)})


def fold_biases(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Subtract the biases of convolutions from the running means of the norms after them."""
    folded = dict(weights)
    for key in weights:
        mean = norm_of(key.removesuffix('.bias')) + '.running_mean'
        if re.search(r'(conv\d|downsample\.0)\.bias$', key) and mean in weights:
            folded[mean] = weights[mean] - folded.pop(key)
    return folded


def norm_of(conv: str) -> str:
    """The name of the norm after a convolution."""
    return re.sub(r'conv(\d)$', r'bn\1', conv).replace('downsample.0', 'downsample.1')


def describe(weights: Mapping[str, Tensor]) -> tuple[ResNetFamily, Arch]:
    """Infer the options and the arch of a ResNet from names and shapes.

    Raises:
        KeyError: If a weight is missing that tells the arch.
        ValueError: If the shapes are not those of such a network.
    """
    firsts = {
        tuple(map(int, match.groups())): key
        for key in weights
        if (match := re.fullmatch(_BLOCK, key))
    }
    stages = sorted({stage for stage, _ in firsts})
    width = [len(weights[firsts[stage, 0]]) for stage in stages]
    bottleneck = 'layer1.0.conv3.weight' in weights
    last, plain = ('conv3', 4) if bottleneck else ('conv2', 1)
    outs = [len(weights[f'layer{stage}.0.{last}.weight']) for stage in stages]
    expansion = outs[0] // width[0]
    grouped = [weights[f'layer{stage}.0.conv2.weight'].shape[1] for stage in stages]
    stem = weights['conv1.weight']
    family = ResNetFamily(
        in_channels=stem.shape[1],
        block='bottleneck' if bottleneck else 'basic',
        stem={7: '7x7', 3: '3x3'}[stem.shape[2]],
        expansion=None if expansion == plain else expansion,
        group_widths=tuple(grouped) if bottleneck and grouped != width else (),
        strides=(1, *[2] * (len(stages) - 1)),
        dilations=(1,) * len(stages),
    )
    depth = [sum(other == stage for other, _ in firsts) for stage in stages]
    return family, dict(stem_width=len(stem), width=width, depth=depth)
