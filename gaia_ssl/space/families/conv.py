"""What families of convolutional backbones share: a stem, then stages that stride or dilate."""

import math
from abc import abstractmethod
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from gaia_ssl.utils.errors import UserError
from gaia_ssl.utils.kinds import check_kinds

from .base import Arch, Cost, Family, Size, Step


class Stem(NamedTuple):
    """The convolution before the first stage, with its norm, activation and optional max pool."""

    name: str
    out_channels: int
    kernel: int
    stride: int
    pool: bool = False


class Segment(NamedTuple):
    """What the steps of one stage depend on.

    Attributes:
        stage: Index of the stage; -1 is the stem.
        in_channels: Channels that it reads.
        numbers: The arch's numbers of the stage, in the order of ``Family.stage_fields``; of the
            stem, its width.
    """

    stage: int
    in_channels: int
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class ConvFamily(Family):
    """A stem of one convolution, then stages whose first block may stride, dilate and widen.

    Args:
        in_channels: Channels of the images.
        strides: Stride of each stage's first block.
        dilations: Dilation of each stage.
        contract_dilation: Dilate the first block of a stage as the stage before at most, so that
            where stages dilate instead of striding it sees what it would see striding.
    """

    in_channels: int = 3
    strides: tuple[int, ...] = (1, 2, 2, 2)
    dilations: tuple[int, ...] = (1, 1, 1, 1)
    contract_dilation: bool = False

    def __post_init__(self):
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), list):
                # configs give lists, a cache key must be hashable
                object.__setattr__(self, field.name, tuple(value))
        check_kinds(self)

    @property
    def stages(self) -> int:
        """The number of stages."""
        return len(self.strides)

    @abstractmethod
    def out_channels(self, width: int) -> int:
        """Channels that a stage of this width puts out."""

    @abstractmethod
    def stem_step(self, width: int) -> Stem:
        """The stem of this width."""

    @abstractmethod
    def blocks(self, stage: int, in_channels: int, *numbers: int) -> tuple[Step, ...]:
        """The blocks of a stage, given the arch's numbers of that stage."""

    @abstractmethod
    def block_costs(self, step: Step, in_channels: int, size: Size, out_size: Size) -> list[Cost]:
        """The costs of a block's convolutions, each with its norm (see ``conv_norm``)."""

    def check(self, choices: dict[str, Any]) -> None:
        """Every stage needs its numbers: see ``Family.check``."""
        super().check(choices)
        stages = len(choices['width'])
        per_stage = {name: choices[name] for name in self.stage_fields}
        for name, values in dict(per_stage, strides=self.strides, dilations=self.dilations).items():
            if len(values) != stages:
                raise UserError(
                    f'{name}: {len(values)} stages, but width has {stages}; give one per stage'
                )

    def segments(self, arch: Arch) -> list[Segment]:
        """The stem, then one segment per stage."""
        channels = arch['stem_width']
        segments = [Segment(-1, self.in_channels, (channels,))]
        stages = zip(*(arch[name] for name in self.stage_fields), strict=True)
        for stage, numbers in enumerate(stages):
            segments.append(Segment(stage, channels, numbers))
            channels = self.out_channels(numbers[0])
        return segments

    def first_dilation(self, stage: int) -> int:
        """The dilation of a stage's first block.

        A contracted one is at most that of the stage before, on whose cells the block works.
        """
        dilation = self.dilations[stage]
        before = self.dilations[stage - 1] if stage > 0 else 1
        return min(dilation, before) if self.contract_dilation else dilation

    def in_channels_of(self, segment: Segment) -> int:
        """The number of channels a segment reads."""
        return segment.in_channels

    def steps(self, segment: Segment) -> tuple[Step, ...]:
        """The stem, or the blocks of one stage."""
        if segment.stage < 0:
            return (self.stem_step(*segment.numbers),)
        return self.blocks(segment.stage, segment.in_channels, *segment.numbers)

    def step_cost(self, step: Step, in_channels: int, size: Size) -> tuple[Cost, Size]:
        """The cost of one step: convolutions and norms, and for memory the stem's pool."""
        out_size = _strided(size, step.stride)
        if not isinstance(step, Stem):
            return Cost.of_steps(self.block_costs(step, in_channels, size, out_size)), out_size
        cost = conv_norm(in_channels, step.out_channels, step.kernel, size, out_size)
        if not step.pool:
            return cost, out_size
        pooled = _strided(out_size, 2)
        pool = Cost(0, 0, nbytes(step.out_channels, out_size) + nbytes(step.out_channels, pooled))
        return Cost.of_steps([cost, pool]), pooled

    def grid_costs(self, choices: dict[str, Any], size: Size) -> Cost:
        """The costs of all archs of a grid: see ``Family.grid_costs``.

        What a stage costs depends on its own numbers and the width of the one before: small
        tables that numpy adds up over the grid.
        """
        fields = [('stem_width', -1)]
        fields += [(name, i) for name in self.stage_fields for i in range(self.stages)]
        values = [choices[name] if i < 0 else choices[name][i] for name, i in fields]
        shape = [len(choice) for choice in values]
        total = Cost(*(np.zeros(shape, np.int64) for _ in Cost._fields))
        for stage in range(-1, self.stages):
            own = [axis for axis, (_, i) in enumerate(fields) if i == stage]
            before = [fields.index(('width', stage - 1) if stage > 0 else ('stem_width', -1))]
            axes = (before if stage >= 0 else []) + own
            table = np.empty((*(shape[axis] for axis in axes), len(Cost._fields)), np.int64)
            for digits in np.ndindex(table.shape[:-1]):
                numbers = [values[axis][digit] for axis, digit in zip(axes, digits, strict=True)]
                channels, numbers = self._input_of(stage, numbers)
                traced = self.trace_segment(stage, Segment(stage, channels, numbers), size)
                table[digits] = traced.cost
            size = traced.out_size
            # (own axes, 3) -> (3, all axes), one long where nothing depends on an axis
            order = np.argsort(axes)
            spread = [shape[axis] if axis in axes else 1 for axis in range(len(fields))]
            table = table.transpose(-1, *order).reshape(-1, *spread)
            total = Cost(
                total.flops + table[0],
                total.params + table[1],
                np.maximum(total.memory, table[2]),
            )
        return Cost(*(costs.ravel() for costs in total))

    def _input_of(self, stage: int, numbers: list[int]) -> tuple[int, tuple[int, ...]]:
        """Channels that a segment reads and its numbers, from the width before it and these."""
        if stage < 0:
            return self.in_channels, tuple(numbers)
        width, *numbers = numbers
        return self.out_channels(width) if stage else width, tuple(numbers)

    def dilated(self, output_stride: int) -> dict[str, Any]:
        """The options of the same backbone dilating wherever it would exceed a stride.

        Its weights are the same, and so is what each of its cells sees, but for basic blocks: of
        their two convolutions the field's ResNets dilate the first alone.
        """
        stem = self.stem_step(1)
        total, dilation = stem.stride * (2 if stem.pool else 1), 1
        strides, dilations = [], []
        for stride, own in zip(self.strides, self.dilations, strict=True):
            exceeds = total * stride > output_stride
            dilation *= stride if exceeds else 1
            total *= 1 if exceeds else stride
            strides.append(1 if exceeds else stride)
            dilations.append(own * dilation)
        return dict(strides=tuple(strides), dilations=tuple(dilations), contract_dilation=True)


def conv_norm(
    in_channels: int,
    out_channels: int,
    kernel: int,
    size: Size,
    out_size: Size,
    groups: int = 1,
    waiting: int = 0,
) -> Cost:
    """Cost of a convolution without bias and of its norm.

    Args:
        in_channels, out_channels, kernel, groups: The convolution's.
        size, out_size: Sizes of its input and output.
        waiting: Bytes of activations that something after it still needs, beside its own.
    """
    weights = in_channels // groups * out_channels * kernel * kernel
    return Cost(
        weights * out_size[0] * out_size[1],
        weights + 2 * out_channels,
        nbytes(in_channels, size) + nbytes(out_channels, out_size) + waiting,
    )


def nbytes(channels: int, size: Size) -> int:
    """The bytes of one image's feature map in float32."""
    return 4 * channels * size[0] * size[1]


def _strided(size: Size, stride: int) -> Size:
    # every layer pads so that only its stride shrinks the map
    return math.ceil(size[0] / stride), math.ceil(size[1] / stride)
