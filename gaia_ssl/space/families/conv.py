"""Base of convolutional families: a stem, then stages that stride or dilate."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from .base import Cost, Family, Field, Segment, Size, Step
from .costs import conv_norm, nbytes


class Stem(NamedTuple):
    """The convolution before the first stage, with its norm, activation and optional max pool."""

    name: str
    out_channels: int
    kernel: int
    stride: int
    pool: bool = False


class StridedStep(Step, Protocol):
    """A step of a stage that may shrink the map."""

    @property
    def stride(self) -> int:
        """Its stride."""


BlockT = TypeVar('BlockT', bound=StridedStep)


@dataclass(frozen=True)
class ConvFamily(Family, Generic[BlockT]):
    """A stem of one convolution, then stages whose first block may stride, dilate and widen.

    Args:
        in_channels: Channels of the images.
        strides: Stride of each stage's first block.
        dilations: Dilation of each stage.
        contract_dilation: Limit the dilation of a stage's first block to that of the stage before,
            so that a stage that dilates instead of striding keeps its receptive field.
    """

    arch_fields: ClassVar[tuple[str, ...]] = ('stem_width',)
    stage_options: ClassVar[tuple[str, ...]] = ('strides', 'dilations')

    strides: tuple[int, ...] = (1, 2, 2, 2)
    dilations: tuple[int, ...] = (1, 1, 1, 1)
    contract_dilation: bool = False

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
    def blocks(
        self, stage: int, in_channels: int, *args: Any, **numbers: Any
    ) -> tuple[BlockT, ...]:
        """The blocks of a stage, given the arch's numbers of that stage by their names."""

    @abstractmethod
    def block_costs(self, step: BlockT, in_channels: int, size: Size, out_size: Size) -> list[Cost]:
        """The costs of a block's convolutions, each with its norm (see ``conv_norm``)."""

    @property
    def stem_field(self) -> Field:
        """The number of an arch that is the stem's width."""
        return 'stem_width', None

    def reads(self, stage: int) -> list[Field]:
        """A stage's own numbers, after the width that decides the channels of its input."""
        if stage < 0:
            return [self.stem_field]
        before: Field = ('width', stage - 1) if stage else self.stem_field
        own: list[Field] = [(name, stage) for name in self.stage_fields]
        return own if before in own else [before, *own]

    def in_channels_of(self, segment: Segment) -> int:
        """The number of channels that a segment reads."""
        if segment.stage < 0:
            return self.in_channels
        before = segment.numbers[0]
        return self.out_channels(before) if segment.stage else before

    def steps(self, segment: Segment) -> tuple[Step, ...]:
        """The stem, or the blocks of one stage."""
        if segment.stage < 0:
            return (self.stem_step(*segment.numbers),)
        own = segment.numbers[-len(self.stage_fields) :]
        numbers = dict(zip(self.stage_fields, own, strict=True))
        return self.blocks(segment.stage, self.in_channels_of(segment), **numbers)

    def first_dilation(self, stage: int) -> int:
        """The dilation of a stage's first block.

        A contracted one is at most that of the stage before, on whose cells the block works.
        """
        dilation = self.dilations[stage]
        before = self.dilations[stage - 1] if stage > 0 else 1
        return min(dilation, before) if self.contract_dilation else dilation

    def step_cost(self, step: Stem | BlockT, in_channels: int, size: Size) -> tuple[Cost, Size]:
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

    def dilated(self, output_stride: int) -> dict[str, Any]:
        """The options of the same backbone dilating wherever it would exceed a stride.

        The weights and the receptive fields stay the same, except in basic blocks: of
        their two convolutions ResNets elsewhere dilate the first alone.
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


def _strided(size: Size, stride: int) -> Size:
    # every layer pads, so that only its stride shrinks the map
    return math.ceil(size[0] / stride), math.ceil(size[1] / stride)
