"""ResNets as paths of steps (He et al., CVPR 2016): basic and bottleneck blocks."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from gaia_ssl.utils.errors import UserError

from .base import Arch, Cost, Family, Size


class Stem(NamedTuple):
    """The convolution before the first stage, with its norm, ReLU and optional 3x3 max pool."""

    name: str
    out_channels: int
    kernel: int
    stride: int
    pool: bool


class Block(NamedTuple):
    """One residual block.

    Attributes:
        name: Where its weights live, e.g. ``layer3.4``.
        out_channels: Channels of its output.
        width: Channels of its inner convolution(s).
        stride: Stride of the block.
        dilation: Dilation of its first 3x3 convolution (the field's ResNets dilate no other).
        projection: Whether the shortcut is a 1x1 convolution, as where the shape changes.
    """

    name: str
    out_channels: int
    width: int
    stride: int = 1
    dilation: int = 1
    projection: bool = False


class Segment(NamedTuple):
    """What the steps of one stage depend on; ``stage`` -1 is the stem."""

    stage: int
    in_channels: int
    width: int
    depth: int


STEMS = {
    '7x7': dict(kernel=7, stride=2, pool=True),  # ImageNet
    '3x3': dict(kernel=3, stride=1, pool=False),  # 32 px images, as for CIFAR
    '3x3s2': dict(kernel=3, stride=2, pool=True),  # 64-128 px images
}
EXPANSION = {'basic': 1, 'bottleneck': 4}


@dataclass(frozen=True)
class ResNetFamily(Family):
    """Options alike for all ResNets of a space.

    Args:
        block: ``'bottleneck'`` (expansion 4) or ``'basic'``.
        stem: ``'7x7'`` (stride 2, max pool), ``'3x3'`` (stride 1, no pool) or ``'3x3s2'``
            (stride 2, max pool).
        in_channels: Channels of the images.
        style: Where a strided bottleneck strides: ``'pytorch'`` in the 3x3, ``'caffe'`` in the
            first 1x1 convolution.
        strides: Stride of each stage's first block.
        dilations: Dilation of each stage.
        contract_dilation: Halve the dilation of the first block of a dilated stage.
    """

    block: str = 'bottleneck'
    stem: str = '7x7'
    in_channels: int = 3
    style: str = 'pytorch'
    strides: tuple[int, ...] = (1, 2, 2, 2)
    dilations: tuple[int, ...] = (1, 1, 1, 1)
    contract_dilation: bool = False

    def __post_init__(self):
        for field, known in dict(block=EXPANSION, stem=STEMS, style=('pytorch', 'caffe')).items():
            if (value := getattr(self, field)) not in known:
                raise UserError(f'{field}: {value!r} is not one of {sorted(known)}')
        # configs give lists, a cache key must be hashable
        object.__setattr__(self, 'strides', tuple(self.strides))
        object.__setattr__(self, 'dilations', tuple(self.dilations))

    @property
    def expansion(self) -> int:
        """Output channels of a block over its width."""
        return EXPANSION[self.block]

    def check(self, choices: dict[str, Any]) -> None:
        """MAX must use every weight: see ``Family.check``."""
        stages = len(choices['width'])
        for field, values in dict(
            depth=choices['depth'], strides=self.strides, dilations=self.dilations
        ).items():
            if len(values) != stages:
                raise UserError(
                    f'{field}: {len(values)} stages, but width has {stages}; give one per stage'
                )
        stem, width = choices['stem_width'], choices['width'][0]
        elastic = len(stem) > 1 or len(width) > 1
        same_shape = max(stem) == max(width) * self.expansion and self.strides[0] == 1
        if elastic and same_shape:
            raise UserError(
                "stem_width: its largest value equals the first stage's, so MAX has no projection "
                'in layer1.0 but other archs need one; make the largest values differ'
            )

    def segments(self, arch: Arch) -> list[Segment]:
        """The stem, then one segment per stage."""
        channels = arch['stem_width']
        segments = [Segment(-1, self.in_channels, channels, 1)]
        for stage, (width, depth) in enumerate(zip(arch['width'], arch['depth'], strict=True)):
            segments.append(Segment(stage, channels, width, depth))
            channels = width * self.expansion
        return segments

    def in_channels_of(self, segment: Segment) -> int:
        """The number of channels a segment reads."""
        return segment.in_channels

    def steps(self, segment: Segment) -> tuple[Stem | Block, ...]:
        """The stem, or the blocks of one stage."""
        stage, in_channels, width, depth = segment
        if stage < 0:
            return (Stem('stem', width, **STEMS[self.stem]),)
        out_channels = width * self.expansion
        stride, dilation = self.strides[stage], self.dilations[stage]
        contract = self.contract_dilation and dilation > 1
        first = Block(
            f'layer{stage + 1}.0',
            out_channels,
            width,
            stride,
            dilation // 2 if contract else dilation,
            # also where stride and width stay: dilating instead of striding keeps the weights
            projection=stage > 0 or stride != 1 or in_channels != out_channels,
        )
        rest = (
            Block(f'layer{stage + 1}.{i}', out_channels, width, 1, dilation)
            for i in range(1, depth)
        )
        return (first, *rest)

    def step_cost(self, step: Stem | Block, in_channels: int, size: Size) -> tuple[Cost, Size]:
        """Multiply-adds and parameters (convolutions and norms) of one step."""
        if isinstance(step, Stem):
            size = _strided(size, step.stride)
            cost = _conv_norm(in_channels, step.out_channels, step.kernel, size)
            return cost, _strided(size, 2) if step.pool else size
        out_size = _strided(size, step.stride)
        if self.block == 'basic':
            convs = [
                _conv_norm(in_channels, step.width, 3, out_size),
                _conv_norm(step.width, step.width, 3, out_size),
            ]
        else:
            first_size = out_size if self.style == 'caffe' else size
            convs = [
                _conv_norm(in_channels, step.width, 1, first_size),
                _conv_norm(step.width, step.width, 3, out_size),
                _conv_norm(step.width, step.out_channels, 1, out_size),
            ]
        if step.projection:
            convs.append(_conv_norm(in_channels, step.out_channels, 1, out_size))
        return Cost(*map(sum, zip(*convs, strict=True))), out_size


def _strided(size: Size, stride: int) -> Size:
    # every layer pads so that only its stride shrinks the map
    return math.ceil(size[0] / stride), math.ceil(size[1] / stride)


def _conv_norm(in_channels: int, out_channels: int, kernel: int, out_size: Size) -> Cost:
    weights = in_channels * out_channels * kernel * kernel
    return Cost(weights * out_size[0] * out_size[1], weights + 2 * out_channels)
