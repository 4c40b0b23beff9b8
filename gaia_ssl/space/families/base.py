"""Base of backbone families: an arch is a path of steps (stem, blocks), its cost their sum."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from gaia_ssl.utils.errors import UserError
from gaia_ssl.utils.validation import check_types

Arch = dict[str, Any]
"""One architecture, plain data: ``dict(stem_width=64, width=[64, 128], depth=[3, 4])``."""

Size = tuple[int, int]
"""Height and width in pixels."""

Field = tuple[str, int | None]
"""One number of an arch: the name of a field, and the stage if the field has one per stage."""


BATCH_NORMS = ('BN', 'SyncBN')
"""The types of norms, in the words of mmcv, whose weights are those of a batch norm."""


class Step(Protocol):
    """One unit of execution: a named tuple with at least these fields.

    Equal steps on equal inputs are one computation.
    """

    @property
    def name(self) -> str:
        """Path of the submodule that holds its weights, such as ``layer3.4``."""

    @property
    def out_channels(self) -> int:
        """Channels of its output."""

    def __hash__(self) -> int: ...

    def _asdict(self) -> dict[str, Any]: ...


class Segment(NamedTuple):
    """The steps between two stage ends, by the numbers of the arch that decide them.

    Archs that share a segment share its steps, so that its results are computed once.

    Attributes:
        stage: Index of its stage; -1 before the first stage.
        numbers: The numbers of the arch that it reads, in the order of ``Family.reads``.
    """

    stage: int
    numbers: tuple[int, ...]


class Cost(NamedTuple):
    """The cost of a subnet.

    Attributes:
        flops: Multiply-adds of the backbone's convolutions and linear layers for one image.
        params: Learnable parameters of the backbone.
        memory: Peak bytes of activations of one layer for one image in float32: its input, its
            output and a shortcut that is still needed.
    """

    flops: int
    params: int
    memory: int

    @classmethod
    def of_steps(cls, costs: Iterable['Cost']) -> 'Cost':
        """The cost of steps that run one after the other."""
        flops, params, memory = zip(*costs, strict=True)
        return cls(sum(flops), sum(params), max(memory))


class GridCosts(NamedTuple):
    """The costs of all archs of a grid, in the order of the space; see ``Cost``.

    Attributes:
        flops: Multiply-adds of each, (archs,).
        params: Parameters of each, (archs,).
        memory: Peak bytes of each, (archs,).
    """

    flops: np.ndarray
    params: np.ndarray
    memory: np.ndarray


class TracedStep(NamedTuple):
    """A step with its place, input, output and cost.

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
        steps: The steps in the order they run, the one that makes the stage's output last.
        cost: The cost of all of them.
        out_size: Size of what the next segment reads.
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
        stages: The steps of each stage, in order. The next stage reads the output of the last.
        outputs: Per stage the step that turns the output of its last step into the stage's
            output, such as a norm; None if the two are the same.
    """

    stem: tuple[Step, ...]
    stages: tuple[tuple[Step, ...], ...]
    outputs: tuple[Step | None, ...]

    @property
    def steps(self) -> Iterator[Step]:
        """All steps but those of the outputs, in the order they run."""
        return chain(self.stem, *self.stages)


@dataclass(frozen=True)
class Family(ABC):
    """A kind of backbone whose archs are sequences of steps.

    A subclass is a frozen dataclass of the options that all archs of a space share. It says which
    numbers of an arch decide the steps of each segment (what comes before the first stage, then
    each stage), which steps these are, and the cost of a step. Everything else follows.

    Args:
        in_channels: Channels of the images.

    Attributes:
        norm: The norm of its backbones, a config as in mmcv. Defaults to batch norm.
        arch_fields: Fields of an arch that are one number.
        stage_fields: Fields of an arch that are one number per stage.
        stage_options: Options that have one entry per stage; an empty one is left out.
    """

    norm: ClassVar[dict[str, Any]] = dict(type='BN')
    arch_fields: ClassVar[tuple[str, ...]] = ()
    stage_fields: ClassVar[tuple[str, ...]] = ('width', 'depth')
    stage_options: ClassVar[tuple[str, ...]] = ()

    in_channels: int = 3

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), list):
                # configs give lists, a cache key must be hashable
                object.__setattr__(self, field.name, tuple(value))
        check_types(self)

    @property
    def has_batch_norms(self) -> bool:
        """True if its norms have statistics, to be synchronised, calibrated or frozen."""
        return self.norm['type'] in BATCH_NORMS

    @property
    @abstractmethod
    def stages(self) -> int:
        """The number of stages that the options are for."""

    @abstractmethod
    def reads(self, stage: int) -> Sequence[Field]:
        """The numbers of an arch that decide the steps of a segment and the channels it reads.

        Args:
            stage: Index of the stage; -1 for what comes before the first stage.
        """

    @abstractmethod
    def in_channels_of(self, segment: Segment) -> int:
        """The number of channels that a segment reads."""

    @abstractmethod
    def steps(self, segment: Segment) -> tuple[Step, ...]:
        """The steps of one segment, in order."""

    def output_step(self, segment: Segment) -> Step | None:
        """The step that turns a stage's last features into its output. Defaults to none."""
        return None

    @abstractmethod
    def step_cost(self, step: Any, in_channels: int, size: Size) -> tuple[Cost, Size]:
        """The cost of one step and the size of its output.

        Args:
            step: A step of this family.
            in_channels: Channels of its input.
            size: Size of its input.
        """

    def check(self, choices: dict[str, Any]) -> None:
        """Check that a grid of choices can be a supernet of this family.

        Raises:
            UserError: If it cannot.
        """
        wanted = (*self.arch_fields, *self.stage_fields)
        if unfit := sorted(choices.keys() ^ set(wanted)):
            raise UserError(
                f'choices.{unfit[0]}: archs of a {type(self).__name__} have {", ".join(wanted)}'
            )
        first = self.stage_fields[0]
        stages = len(choices[first])
        options = {name: getattr(self, name) for name in self.stage_options}
        per_stage = {name: choices[name] for name in self.stage_fields} | options
        for name, values in per_stage.items():
            if len(values) != stages and not (name in options and not values):
                raise UserError(
                    f'{name}: {len(values)} stages, but {first} has {stages}; give one per stage'
                )
        if stages != self.stages:
            raise UserError(
                f'{first}: {stages} stages, but {type(self).__name__} has {self.stages}'
            )

    def check_arch(self, arch: Arch) -> None:  # noqa: B027 - a family may have no rule
        """Check the rules of this family for a well-formed arch.

        Raises:
            UserError: If this family cannot build the arch.
        """

    def with_options(self, **options: Any) -> 'Family':
        """The same family with other options.

        Raises:
            UserError: If an option is unknown or its value is invalid.
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
            UserError: If the family cannot dilate, which is the default.
        """
        raise UserError(
            f'backbone: a {type(self).__name__} cannot dilate to output stride {output_stride}; '
            'choose a config whose backbone keeps its strides, such as UPerNet'
        )

    def segments(self, arch: Arch) -> list[Segment]:
        """The segments of an arch: what comes before the first stage, then one per stage."""
        return [
            Segment(
                stage, tuple(arch[name] if at is None else arch[name][at] for name, at in reads)
            )
            for stage, reads in _reads(self)
        ]

    def path(self, arch: Arch) -> Path:
        """The steps that run ``arch``."""
        segments = self.segments(arch)
        stem, *stages = (_steps(self, segment)[0] for segment in segments)
        _, *outputs = (_steps(self, segment)[1] for segment in segments)
        return Path(stem, tuple(stages), tuple(outputs))

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
        for segment in self.segments(arch):
            traced = trace_segment(segment, size)
            yield traced
            size = traced.out_size

    def cost(self, arch: Arch, size: Size) -> Cost:
        """The cost of ``arch`` on one image of ``size``, from the steps of its path."""
        return Cost.of_steps(segment.cost for segment in self.trace_segments(arch, size))

    def grid_costs(self, choices: dict[str, Any], size: Size) -> GridCosts:
        """The costs of all archs of a grid on one image of ``size``.

        The cost of a segment depends on the numbers that it reads alone: small tables, which are
        added up over the grid.

        Args:
            choices: The grid, see ``SearchSpace``.
            size: Height and width of the image in pixels.
        """
        grid: dict[Field, Sequence[int]] = {}
        for name, values in choices.items():
            if name in self.stage_fields:
                grid |= {(name, stage): own for stage, own in enumerate(values)}
            else:
                grid[name, None] = values
        axes = {field: axis for axis, field in enumerate(grid)}
        lengths = [len(values) for values in grid.values()]
        flops, params, memory = (np.zeros(lengths, np.int64) for _ in Cost._fields)
        trace_segment = _segment_tracer(self)
        for stage, reads in _reads(self):
            table = np.empty((*(len(grid[field]) for field in reads), len(Cost._fields)), np.int64)
            out_sizes = set()
            for digits in np.ndindex(table.shape[:-1]):
                numbers = tuple(grid[f][digit] for f, digit in zip(reads, digits, strict=True))
                traced = trace_segment(Segment(stage, numbers), size)
                table[digits] = traced.cost
                out_sizes.add(traced.out_size)
            [size] = out_sizes  # the sizes of maps depend on the family's options alone
            # (own axes, 3) -> (3, all axes), of length 1 where the cost does not depend on an axis
            own = [axes[field] for field in reads]
            spread = [length if axis in own else 1 for axis, length in enumerate(lengths)]
            costs = table.transpose(-1, *np.argsort(own)).reshape(-1, *spread)
            flops, params, memory = (
                flops + costs[0],
                params + costs[1],
                np.maximum(memory, costs[2]),
            )
        return GridCosts(flops.ravel(), params.ravel(), memory.ravel())

    def output_shapes(self, arch: Arch, size: Size = (224, 224)) -> list[Shape]:
        """The shape of each stage's output.

        Args:
            arch: The arch.
            size: Height and width of the image in pixels. Defaults to 224x224.
        """
        _, *stages = self.trace_segments(arch, size)
        _, *large = self.trace_segments(arch, (_SIDE, _SIDE))
        lasts = [(stage.steps[-1], exact.steps[-1]) for stage, exact in zip(stages, large)]
        return [
            Shape(last.step.out_channels, _SIDE // exact.out_size[0], last.out_size)
            for last, exact in lasts
        ]


_SIDE = 1 << 16  # pixels; a multiple of every stride, so that strides are exact


@functools.cache
def _reads(family: Family) -> list[tuple[int, tuple[Field, ...]]]:
    """The numbers that each segment reads."""
    return [(stage, tuple(family.reads(stage))) for stage in range(-1, family.stages)]


@functools.cache
def _steps(family: Family, segment: Segment) -> tuple[tuple[Step, ...], Step | None]:
    """The steps of a segment, and the one that makes the stage's output."""
    return family.steps(segment), family.output_step(segment)


@functools.cache
def _segment_tracer(family: Family) -> Callable[[Segment, Size], SegmentTrace]:
    """Traces the segments of a family, each once; a family is looked up once per arch."""

    @functools.cache
    def trace_segment(segment: Segment, size: Size) -> SegmentTrace:
        steps, output = _steps(family, segment)
        channels, traced = family.in_channels_of(segment), []
        for step in steps:
            cost, out_size = family.step_cost(step, channels, size)
            traced.append(TracedStep(segment.stage, step, channels, size, cost, out_size))
            channels, size = step.out_channels, out_size
        if output is not None:
            cost, out_size = family.step_cost(output, channels, size)
            traced.append(TracedStep(segment.stage, output, channels, size, cost, out_size))
        return SegmentTrace(tuple(traced), Cost.of_steps(step.cost for step in traced), size)

    return trace_segment
