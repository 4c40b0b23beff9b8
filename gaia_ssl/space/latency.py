"""Latency tables: predict the latency of a subnet as the sum of its steps on a device."""

import functools
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gaia_ssl.utils.errors import UserError
from gaia_ssl.utils.files import atomic_write

from .families import Arch, Family, SegmentTrace, Size, Step
from .space import SearchSpace


class StepKey(NamedTuple):
    """The facts that decide how long a step takes.

    Its name is left out: blocks of a stage that do the same take as long.

    Attributes:
        stage: Index of its stage; -1 before the first stage.
        kind: The type of the step.
        step: The fields of the step but its name, with their values.
        in_channels: Channels of its input.
        size: Size of its input.
    """

    stage: int
    kind: str
    step: tuple[tuple[str, Any], ...]
    in_channels: int
    size: Size


def step_key(stage: int, step: Step, in_channels: int, size: Size) -> StepKey:
    """The key of a step of a stage for an input's channels and size."""
    values = tuple((name, value) for name, value in step._asdict().items() if name != 'name')
    return StepKey(stage, type(step).__name__, values, in_channels, size)


def path_keys(family: Family, arch: Arch, size: Size) -> list[StepKey]:
    """The keys of the steps that run ``arch`` on images of ``size``, in the order they run."""
    return [key for segment in family.trace_segments(arch, size) for key in _segment_keys(segment)]


@functools.cache
def _segment_keys(segment: SegmentTrace) -> tuple[StepKey, ...]:
    return tuple(step_key(t.stage, t.step, t.in_channels, t.size) for t in segment.steps)


@dataclass(frozen=True)
class Conditions:
    """The conditions under which latencies were measured.

    Attributes:
        device: Name of the processor or GPU.
        threads: Threads that compute one operation on the CPU.
        batch_size: Images that run at once.
        dtype: Of weights and images: ``'float32'``, ``'bfloat16'`` or ``'float16'``.
        input_size: Height and width of the images in pixels.
        channels_last: Whether weights and images are in that memory format.
        torch: Version of torch.
    """

    device: str
    threads: int
    batch_size: int
    dtype: str
    input_size: Size
    channels_last: bool
    torch: str

    def __str__(self) -> str:
        height, width = self.input_size
        layout = ', channels last' if self.channels_last else ''
        return (
            f'{self.device}, {self.threads} thread(s), batch of {self.batch_size}, {self.dtype}, '
            f'{height}x{width} px{layout}, torch {self.torch}'
        )

    def digest(self, space: SearchSpace) -> str:
        """A digest of these conditions and a space, 12 hexadecimal digits."""
        text = json.dumps([asdict(self), space.to_dict()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Validation:
    """The agreement of sums over steps with whole subnets that were timed.

    Attributes:
        archs: The subnets, which took no part in timing the steps.
        predicted: Seconds per batch of each, by the table.
        measured: Seconds per batch of each, timed as a whole.
    """

    archs: list[Arch]
    predicted: list[float]
    measured: list[float]

    @property
    def errors(self) -> list[float]:
        """The relative error of each prediction; above 0 where it is too slow."""
        return [p / m - 1 for p, m in zip(self.predicted, self.measured, strict=True)]

    @property
    def median_error(self) -> float:
        """The median of the errors without their signs."""
        return float(np.median(np.abs(self.errors)))

    @property
    def rank_correlation(self) -> float:
        """Spearman's correlation of predicted and measured (Spearman, Am. J. Psychol. 1904)."""
        ranks = np.argsort(np.argsort([self.predicted, self.measured]))  # (2, N) -> (2, N)
        return float(np.corrcoef(ranks)[0, 1])


SUMMARY = ('median_error', 'rank_correlation')
"""The properties of a validation that a table's file states."""


@dataclass(frozen=True)
class LatencyTable:
    """Seconds per batch of every step of a space on one device.

    Attributes:
        space: The space.
        conditions: The conditions of the measurement.
        seconds: The time of each step.
        validation: Its predictions of whole subnets, if they were compared.
    """

    space: SearchSpace
    conditions: Conditions
    seconds: dict[StepKey, float]
    validation: Validation | None = None

    def latency(self, arch: Arch) -> float:
        """Seconds per batch of the subnet of ``arch``, summed over its path.

        Args:
            arch: An arch of the space or one of its anchors; it is taken to be valid, see
                ``SearchSpace.check``.

        Raises:
            UserError: If a step of it was not timed, as where a width is off the grid.
        """
        segments = self.space.family.trace_segments(arch, self.conditions.input_size)
        return sum(map(self._segment_seconds, segments))

    @cached_property
    def _segment_seconds(self) -> Callable[[SegmentTrace], float]:
        """Sums up a segment, once for all the archs that share it."""
        return functools.cache(lambda segment: sum(map(self._step_seconds, _segment_keys(segment))))

    def _step_seconds(self, key: StepKey) -> float:
        if key not in self.seconds:
            raise UserError(
                f'latency table: no time of a {key.kind} {dict(key.step)} of stage {key.stage} on '
                f'{key.in_channels} channels of {key.size}; it has the steps of the archs on the '
                f'grid of {self.space.name!r}'
            )
        return self.seconds[key]

    def save(self, path: str) -> None:
        """Write the table as JSON, one line per step, atomically."""
        head = dict(space=self.space.to_dict(), conditions=asdict(self.conditions))
        if self.validation is not None:
            head.update({k: getattr(self.validation, k) for k in SUMMARY})
        steps = (
            dict(k._asdict(), step=dict(k.step), seconds=seconds)
            for k, seconds in self.seconds.items()
        )
        tables = dict(validation=_validation_rows(self.validation), steps=steps)
        with atomic_write(path) as file:
            file.write(json.dumps(head, indent=1)[:-2])
            for name, rows in tables.items():
                lines = ',\n'.join(json.dumps(row, allow_nan=False) for row in rows)
                file.write(f',\n "{name}": [\n{lines}\n]')
            file.write('}\n')

    @classmethod
    def load(cls, path: str, space: SearchSpace | None = None) -> 'LatencyTable':
        """Read a table.

        Args:
            path: The file.
            space: The space it has to be of. Defaults to any.

        Raises:
            UserError: If the file is missing, is not a table, or belongs to another space.
        """
        try:
            with open(path) as file:
                table = cls._from_json(json.load(file))
        except FileNotFoundError as error:
            raise UserError(
                f'latency table: {path} does not exist; measure one with tools/latency.py'
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f'latency table: {path} is damaged or is not a latency table; measure it again '
                'with tools/latency.py'
            ) from error
        if space is not None and not table.serves(space):
            raise UserError(
                f'latency table: {path} is of another space, {table.space.name!r}, or of other '
                f'options of its backbones than {space.name!r}; measure one with tools/latency.py'
            )
        return table

    def serves(self, space: SearchSpace) -> bool:
        """Tell if the archs of ``space`` are those that were timed."""
        return self.space.family == space.family and self.space.choices == space.choices

    @classmethod
    def _from_json(cls, data: dict[str, Any]) -> 'LatencyTable':
        conditions = dict(data['conditions'])
        conditions['input_size'] = tuple(conditions['input_size'])
        seconds = {}
        for row in data['steps']:
            step, size = tuple(row['step'].items()), tuple(row['size'])
            key = StepKey(row['stage'], row['kind'], step, row['in_channels'], size)
            seconds[key] = _check_seconds(row['seconds'])
        rows = data['validation']
        fields = [[row[name] for row in rows] for name in ('arch', 'predicted', 'measured')]
        validation = Validation(*fields) if rows else None
        space = SearchSpace.from_dict(data['space'])
        return cls(space, Conditions(**conditions), seconds, validation)


def _check_seconds(seconds: float) -> float:
    if not 0 < seconds < math.inf:
        raise ValueError(f'{seconds} is not a time')
    return seconds


def _validation_rows(validation: Validation | None) -> list[dict[str, Any]]:
    if validation is None:
        return []
    columns = (validation.archs, validation.predicted, validation.measured, validation.errors)
    names = ('arch', 'predicted', 'measured', 'error')
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
