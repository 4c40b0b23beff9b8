"""MobileNetV2s as torchvision, timm and OpenMMLab name their weights.

Their last convolution, from 320 to 1280 channels, is not part of the backbones of this package.
"""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from gaia_ssl.space import Arch
from gaia_ssl.space.families import MobileNetFamily

OPENMMLAB = 'layer1.0.conv.0.conv.weight'
TORCHVISION = 'features.1.conv.0.0.weight'
TIMM = 'blocks.0.0.conv_dw.weight'

Weights = Mapping[str, Tensor]


def openmmlab_names(weights: Weights) -> dict[str, Tensor]:
    """The backbone's weights by our names, which are OpenMMLab's."""
    return {key: w for key, w in weights.items() if re.match(r'(conv1|layer\d+)\.', key)}


def torchvision_names(weights: Weights) -> dict[str, Tensor]:
    """The same of torchvision's, which numbers blocks through; a stage is one width of outputs."""
    stage, place, width = 0, 0, 0
    starts = {'features.0.0.': 'conv1.conv.', 'features.0.1.': 'conv1.bn.'}
    for block in sorted({int(m[1]) for k in weights if (m := re.match(r'features\.(\d+)\.c', k))}):
        name = f'features.{block}.conv.'
        project = 2 if f'{name}3.weight' in weights else 1
        out = len(weights[f'{name}{project}.weight'])
        stage, place, width = (stage, place + 1, out) if out == width else (stage + 1, 0, out)
        ours = f'layer{stage}.{place}.conv.'
        for layer in range(project):
            starts[f'{name}{layer}.0.'] = f'{ours}{layer}.conv.'
            starts[f'{name}{layer}.1.'] = f'{ours}{layer}.bn.'
        starts[f'{name}{project}.'] = f'{ours}{project}.conv.'
        starts[f'{name}{project + 1}.'] = f'{ours}{project}.bn.'
    return {
        _renamed(key, starts): weight
        for key, weight in weights.items()
        if re.match(r'features\.(0|\d+\.conv)\.', key)
    }


def timm_names(weights: Weights) -> dict[str, Tensor]:
    """The same of timm's, whose first blocks have no expansion."""
    starts = {'conv_stem.': 'conv1.conv.', 'bn1.': 'conv1.bn.'}
    for stage, place in sorted({tuple(k.split('.')[1:3]) for k in weights if k[:7] == 'blocks.'}):
        name, ours = f'blocks.{stage}.{place}.', f'layer{int(stage) + 1}.{place}.conv.'
        expands = f'{name}conv_pwl.weight' in weights
        for layer, conv in enumerate(
            ['conv_pw', 'conv_dw', 'conv_pwl'] if expands else ['conv_dw', 'conv_pw']
        ):
            starts[f'{name}{conv}.'] = f'{ours}{layer}.conv.'
            starts[f'{name}bn{layer + 1}.'] = f'{ours}{layer}.bn.'
    return {
        _renamed(key, starts): weight
        for key, weight in weights.items()
        if re.match(r'(conv_stem|bn1|blocks)\.', key)
    }


LAYOUTS: dict[str, Callable[[Weights], dict[str, Tensor]]] = {
    OPENMMLAB: openmmlab_names,
    TORCHVISION: torchvision_names,
    TIMM: timm_names,
}


def _renamed(key: str, starts: Mapping[str, str]) -> str:
    """A key with the first of its starts renamed; keys that have none stay."""
    start = next((start for start in starts if key.startswith(start)), '')
    return starts.get(start, '') + key.removeprefix(start)


def describe(weights: Weights) -> tuple[MobileNetFamily, Arch]:
    """Infer the options and the arch of a MobileNet from names and shapes.

    Raises:
        KeyError: If a weight is missing that tells the arch.
        ValueError: If the shapes are not those of such a network.
    """
    stem = weights['conv1.conv.weight']
    blocks = sorted(
        {tuple(map(int, m.groups())) for k in weights if (m := re.match(r'layer(\d+)\.(\d+)\.', k))}
    )
    arch: Arch = dict(stem_width=len(stem), width=[], depth=[], kernel=[], expansion=[])
    channels = len(stem)
    for stage in sorted({stage for stage, _ in blocks}):
        name = f'layer{stage}.0.conv.'
        last = 2 if f'{name}2.conv.weight' in weights else 1
        depthwise = weights[f'{name}{last - 1}.conv.weight']
        expansion, rest = divmod(len(depthwise), channels)
        if rest or (expansion == 1) != (last == 1):
            raise ValueError(f'{len(depthwise)} channels inside {name} of {channels}')
        channels = len(weights[f'{name}{last}.conv.weight'])
        arch['width'].append(channels)
        arch['depth'].append(sum(other == stage for other, _ in blocks))
        arch['kernel'].append(depthwise.shape[-1])
        arch['expansion'].append(expansion)
    return MobileNetFamily(in_channels=stem.shape[1]), arch
