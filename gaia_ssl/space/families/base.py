"""What every family of backbones shares: an arch is a path of steps, its cost a sum over them."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any, ClassVar, NamedTuple

from gaia_ssl.utils.errors import UserError

Arch = dict[str, Any]
"""One architecture, plain data: ``dict(stem_width=64, width=[64, 128], depth=[3, 4])``."""

Size = tuple[int, int]
"""Height and width in pixels."""

Step = NamedTuple
"""One unit of execution: hashable, with at least the fields ``name`` and ``out_channels``."""


class Cost(NamedTuple):
    """What a subnet costs.

    Attributes:
        flops: Multiply-adds of the backbone's convolutions for one image.
        params: Learnable parameters of the backbone.
        memory: Most bytes of activations that one image needs at a time in float32: of some
            convolution its input, its output and the shortcut that waits meanwhile.
    """

    flops: int
    params: int
    memory: int

    @classmethod
    def of_steps(cls, costs: Iterable['Cost']) -> 'Cost':
        """The cost of what runs one after the other."""
        flops, params, memory = zip(*costs, strict=True)
        return cls(sum(flops), sum(params), max(memory))


class TracedStep(NamedTuple):
    """A step where it runs.

    Attributes:
        stage: Index of its stage; -1 before the first stage.
        step: The step.
        in_channels: Channels of its input.
        size: Size of its input.
        cost: Its cost.
        out_size: Size of its output.
    """

    stage: int
    step: Step
    in_channels: int
    size: Size
    cost: Cost
    out_size: Size


@dataclass(frozen=True, eq=False)
class SegmentTrace:
    """The steps of a segment on an input of one size.

    There is one object for all archs that share the segment. It is hashed by identity, so that
    results are cheap to cache by it.

    Attributes:
        steps: The steps where they run.
        cost: The cost of all of them.
        out_size: Size of the last one's output.
    """

    steps: tuple[TracedStep, ...]
    cost: Cost
    out_size: Size


class Shape(NamedTuple):
    """The feature map that a stage puts out.

    Attributes:
        channels: Its channels.
        stride: Pixels of the image per cell.
        size: Its height and width.
    """

    channels: int
    stride: int
    size: Size


class Path(NamedTuple):
    """An arch as the steps that run it.

    Attributes:
        stem: The steps before the first stage.
        stages: The steps of each stage, in order; a stage ends after its last step.
    """

    stem: tuple[Step, ...]
    stages: tuple[tuple[Step, ...], ...]

    @property
    def steps(self) -> Iterator[Step]:
        """All steps, in the order they run."""
        return chain(self.stem, *self.stages)


@dataclass(frozen=True)
class Family(ABC):
    """A kind of backbone whose archs are sequences of steps.

    A subclass is a frozen dataclass of the options that are alike for all archs of a space. It
    says how an arch falls into segments (the stem, then one per stage), which steps a segment
    has, and what a step costs. Segments are small keys, so that whatever is computed for one is
    computed once for all the archs that share it.

    Attributes:
        arch_fields: Fields of an arch that are one number.
        stage_fields: Fields of an arch that are one number per stage.
    """

    arch_fields: ClassVar[tuple[str, ...]] = ('stem_width',)
    stage_fields: ClassVar[tuple[str, ...]] = ('width', 'depth')

    @property
    @abstractmethod
    def stages(self) -> int:
        """The number of stages that the options are for."""

    @abstractmethod
    def segments(self, arch: Arch) -> list[Hashable]:
        """The keys of the stem and of each stage, each naming its input width."""

    @abstractmethod
    def steps(self, segment: Hashable) -> tuple[Step, ...]:
        """The steps of one segment, in order."""

    @abstractmethod
    def step_cost(self, step: Step, in_channels: int, size: Size) -> tuple[Cost, Size]:
        """Cost of one step and the size of its output, for an input of ``size``."""

    @abstractmethod
    def in_channels_of(self, segment: Hashable) -> int:
        """The number of channels a segment reads."""

    def check(self, choices: dict[str, Any]) -> None:
        """Raise ``UserError`` where a grid of choices cannot be a supernet of this family."""
        wanted = (*self.arch_fields, *self.stage_fields)
        if unfit := sorted(choices.keys() ^ set(wanted)):
            raise UserError(
                f'choices.{unfit[0]}: archs of a {type(self).__name__} have {", ".join(wanted)}'
            )

    def check_arch(self, arch: Arch) -> None:  # noqa: B027 - a family may have no rule
        """Raise ``UserError`` where a well-formed arch is none of this family."""

    def with_options(self, **options) -> 'Family':
        """The same family with other options.

        Raises:
            UserError: If an option is unknown or its value unfit.
        """
        known = [field.name for field in fields(self)]
        if unknown := sorted(options.keys() - set(known)):
            raise UserError(
                f'{unknown[0]}: unknown option; {type(self).__name__} has {", ".join(known)}'
            )
        return replace(self, **options)

    def dilated(self, output_stride: int) -> dict[str, Any]:
        """The options of the same backbone dilating wherever it would exceed a stride.

        Raises:
            UserError: If the family has no dilation, which is the default.
        """
        raise UserError(
            f'backbone: a {type(self).__name__} cannot dilate to output stride {output_stride}; '
            'choose a config whose backbone keeps its strides, such as UPerNet'
        )

    def path(self, arch: Arch) -> Path:
        """The steps that run ``arch``."""
        stem, *stages = (_steps(self, segment) for segment in self.segments(arch))
        return Path(stem, tuple(stages))

    @property
    def trace_segment(self) -> Callable[[int, Hashable, Size], SegmentTrace]:
        """Traces a segment, given its stage, its key and the size of its input, once."""
        return _segment_tracer(self)

    @abstractmethod
    def grid_costs(self, choices: dict[str, Any], size: Size) -> Cost:
        """The costs of all archs of a grid on one image of ``size``.

        Args:
            choices: The grid, see ``SearchSpace``.
            size: Height and width of the image in pixels.

        Returns:
            A cost whose fields are arrays over the archs, in the order of the space.
        """

    def trace(self, arch: Arch, size: Size) -> Iterator[TracedStep]:
        """The steps of ``arch`` in the order they run, with their inputs, outputs and costs.

        Args:
            arch: The arch.
            size: Height and width of the image in pixels.
        """
        for segment in self.trace_segments(arch, size):
            yield from segment.steps

    def trace_segments(self, arch: Arch, size: Size) -> Iterator[SegmentTrace]:
        """The same by segments; each is computed once for all archs that share it."""
        trace_segment = _segment_tracer(self)
        for stage, segment in enumerate(self.segments(arch), start=-1):
            traced = trace_segment(stage, segment, size)
            yield traced
            size = traced.out_size

    def cost(self, arch: Arch, size: Size) -> Cost:
        """The cost of ``arch`` on one image of ``size``, from the steps of its path."""
        return Cost.of_steps(segment.cost for segment in self.trace_segments(arch, size))

    def output_shapes(self, arch: Arch, size: Size = (224, 224)) -> list[Shape]:
        """The shape of each stage's output.

        Args:
            arch: The arch.
            size: Height and width of the image in pixels. Defaults to 224x224.
        """
        _, *stages = self.trace_segments(arch, size)
        _, *strided = self.trace_segments(arch, (_SIDE, _SIDE))
        return [
            Shape(stage.steps[-1].step.out_channels, _SIDE // large.out_size[0], stage.out_size)
            for stage, large in zip(stages, strided, strict=True)
        ]


_SIDE = 1 << 16  # pixels; a multiple of every stride, so that strides are exact


@functools.cache
def _steps(family: Family, segment: Hashable) -> tuple[Step, ...]:
    return family.steps(segment)


@functools.cache
def _segment_tracer(family: Family) -> Callable[[int, Hashable, Size], SegmentTrace]:
    """Traces the segments of a family, each once; a family is looked up once per arch."""

    @functools.cache
    def trace_segment(stage: int, segment: Hashable, size: Size) -> SegmentTrace:
        traced = []
        channels = family.in_channels_of(segment)
        for step in _steps(family, segment):
            cost, out_size = family.step_cost(step, channels, size)
            traced.append(TracedStep(stage, step, channels, size, cost, out_size))
            channels, size = step.out_channels, out_size
        return SegmentTrace(tuple(traced), Cost.of_steps(step.cost for step in traced), size)

    return trace_segment
