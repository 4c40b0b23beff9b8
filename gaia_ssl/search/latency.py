"""Measure the latency of the steps of a space on this machine."""

import itertools
import math
import os
import os.path as osp
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor

from gaia_ssl.models.backbones import SUPERNETS, LayerFactory, SubnetBackbone
from gaia_ssl.space import Arch, Family, LatencyTable, SearchSpace, Size, Step
from gaia_ssl.space.latency import Conditions, StepKey, Validation, path_keys
from gaia_ssl.utils import UserError
from gaia_ssl.utils.device import cpu_name

from .progress import Progress
from .settings import DTYPES

FOLDER = osp.join('work_dirs', 'latency')
PASSES = 3  # in a row; the first one is slowed down by cold caches
SUBNETS_PER_STEP = 2
DRAWS = 256  # archs among which those to time are chosen


@dataclass(frozen=True)
class LatencySettings:
    """Settings of a measurement.

    Args:
        device: ``'cpu'``, ``'cuda'`` or ``'cuda:N'``. Defaults to the CPU.
        threads: Threads that compute one operation on the CPU. Defaults to torch's number.
        batch_size: Images that run at once. Defaults to 1.
        dtype: Of weights and images, one of ``DTYPES``. Defaults to ``'float32'``.
        input_size: Side, or (height, width), of the images in pixels. Defaults to 224.
        channels_last: Put weights and images in that memory format. Defaults to False.
        rounds: Turns of each subnet. Defaults to 10.
        validate: Other subnets that are timed as a whole; 0 for none. Defaults to 10.
        seed: Of the draw of subnets. Defaults to 0.

    Raises:
        UserError: If a value is out of range or the device is not there.
    """

    device: str = 'cpu'
    threads: int | None = None
    batch_size: int = 1
    dtype: str = 'float32'
    input_size: int | Size = 224
    channels_last: bool = False
    rounds: int = 10
    validate: int = 10
    seed: int = 0

    def __post_init__(self):
        numbers = dict(batch_size=self.batch_size, rounds=self.rounds, seed=self.seed + 1)
        numbers['threads'] = 1 if self.threads is None else self.threads
        numbers['input_size'] = min(self.size)
        for name, number in numbers.items():
            if number < 1:
                raise UserError(f'{name}: {getattr(self, name)} is too small')
        if self.validate < 0 or self.validate == 1:
            raise UserError(f'validate: {self.validate} subnets; give 2 or more, or 0 for none')
        if self.dtype not in DTYPES:
            raise UserError(f'dtype: {self.dtype!r} is not one of {", ".join(DTYPES)}')
        try:
            torch.empty(0, device=self.device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).partition('\n')[0]
            raise UserError(f'device: {self.device!r} cannot be used ({reason})') from error

    @property
    def size(self) -> Size:
        """Height and width of the images."""
        if isinstance(self.input_size, int):
            return self.input_size, self.input_size
        height, width = self.input_size
        return height, width

    @property
    def on_gpu(self) -> bool:
        """True if a GPU is timed."""
        return torch.device(self.device).type == 'cuda'

    def conditions(self) -> Conditions:
        """The conditions that the times hold for."""
        return Conditions(
            device=torch.cuda.get_device_name(self.device) if self.on_gpu else cpu_name(),
            threads=self.threads or torch.get_num_threads(),
            batch_size=self.batch_size,
            dtype=self.dtype,
            input_size=self.size,
            channels_last=self.channels_last,
            torch=torch.__version__,
        )


class Timer(NamedTuple):
    """Marks points in time and tells how far they are apart.

    Attributes:
        mark: Marks this point.
        between: The seconds from one mark to a later one.
    """

    mark: Callable[[], Any]
    between: Callable[[Any, Any], float]

    def laps(self, marks: Sequence[Any]) -> list[float]:
        """The seconds from each mark to the next."""
        return [self.between(*pair) for pair in itertools.pairwise(marks)]


def clock_timer(clock: Callable[[], float]) -> Timer:
    """A timer of a CPU, whose operations are over when they return, by a clock in seconds."""
    return Timer(clock, lambda start, end: end - start)


def event_timer() -> Timer:
    """A timer of a GPU by events in its stream, since GPU kernels run asynchronously."""

    def mark() -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def between(start: torch.cuda.Event, end: torch.cuda.Event) -> float:
        end.synchronize()
        return start.elapsed_time(end) / 1e3

    return Timer(mark, between)


def make_timer(settings: LatencySettings) -> Timer:
    """The timer of a device.

    One thread is timed by its own processor time, which other programs hardly change; several
    are timed by wall time.
    """
    if settings.on_gpu:
        return event_timer()
    return clock_timer(
        time.thread_time if settings.conditions().threads == 1 else time.perf_counter
    )


def latency_table(
    space: SearchSpace, settings: LatencySettings, path: str | None = None
) -> LatencyTable:
    """The table of a space under these settings: read if it was measured before, else measured.

    Args:
        space: The space.
        settings: Settings of the measurement.
        path: The table's file. Defaults to one in ``work_dirs/latency`` that is named after the
            conditions.

    Raises:
        UserError: If the file exists and is not a table of this space and these conditions, or
            its folder cannot be written.
    """
    path = path or default_path(space, settings.conditions())
    table = measured_before(space, settings, path)
    if table is None:
        table = measure(space, settings)
        table.save(path)
    return table


def measured_before(
    space: SearchSpace, settings: LatencySettings, path: str
) -> LatencyTable | None:
    """The table in a file; None if there is no such file, which can be written then.

    Raises:
        UserError: See ``latency_table``.
    """
    conditions = settings.conditions()
    if osp.exists(path):
        table = LatencyTable.load(path, space)
        if table.conditions != conditions:
            raise UserError(
                f'latency table: {path} was measured under other conditions ({table.conditions}); '
                'give another file'
            )
        return table
    folder = osp.dirname(path) or '.'
    os.makedirs(folder, exist_ok=True)
    if not os.access(folder, os.W_OK):  # before minutes of measuring
        raise UserError(f'latency table: {folder} cannot be written; give a file elsewhere')
    return None


def default_path(space: SearchSpace, conditions: Conditions) -> str:
    """The file of a table, named after its space and conditions, with a digest of all of them."""
    height, width = conditions.input_size
    parts = (
        space.name,
        conditions.device,
        f'b{conditions.batch_size}',
        conditions.dtype,
        f'{height}x{width}',
        conditions.digest(space),
    )
    return osp.join(FOLDER, re.sub(r'[^\w.]+', '-', '_'.join(parts)) + '.json')


def measure(
    space: SearchSpace, settings: LatencySettings, timer: Timer | None = None
) -> LatencyTable:
    """Time the steps of a space inside static subnets, and other subnets as a whole.

    A step is timed where it is used: after the step before it has just written its input, and
    with weights that the rest of the subnet, if it is large enough, has pushed out of the cache.
    The subnets, those for validation among them, take turns, so that a machine that is busy now
    and then slows all of them equally.

    Of each subnet the fastest pass counts, with all its steps: the rest of the machine disturbed
    it least, and the steps of one pass add up to that pass, as the medians of single steps would
    not.

    Args:
        space: The space.
        settings: Settings of the measurement.
        timer: The timer. Defaults to one for the device.
    """
    family, size = space.family, settings.size
    rng = np.random.default_rng(settings.seed)
    timed = covering_archs(space, size, rng)
    held_out = draw_others(space, timed, settings.validate, rng)
    with _running_on(settings):
        timer = timer or make_timer(settings)
        build = subnet_builder(family, settings)
        images = _to(torch.randn(settings.batch_size, family.in_channels, *size), settings)
        passes = [partial(time_steps, build(arch), images, timer) for arch in timed]
        passes += [partial(time_whole, build(arch), images, timer) for arch in held_out]
        fastest = _take_turns(passes, settings.rounds)
    found: defaultdict[StepKey, list[float]] = defaultdict(list)
    for arch, laps in zip(timed, fastest):
        for key, lap in zip(path_keys(family, arch, size), laps, strict=True):
            found[key].append(lap)
    seconds = {key: float(np.mean(times)) for key, times in found.items()}
    table = LatencyTable(space, settings.conditions(), seconds)
    if not held_out:
        return table
    wholes = [whole for [whole] in fastest[len(timed) :]]
    validation = Validation(held_out, list(map(table.latency, held_out)), wholes)
    return replace(table, validation=validation)


def time_steps(net: SubnetBackbone, images: Tensor, timer: Timer) -> list[float]:
    """Run a subnet as its ``forward`` does and return the seconds of each step."""
    x, marks = images, [timer.mark()]
    stem, stages, outputs = net.active_path
    for steps, output in zip((stem, *stages), (None, *outputs), strict=True):
        for step in steps:
            x = net.run(step, x)
            marks.append(timer.mark())
        if output is not None:
            net.run(output, x)
            marks.append(timer.mark())
    return timer.laps(marks)


def time_whole(net: SubnetBackbone, images: Tensor, timer: Timer) -> list[float]:
    """Run a subnet and return its seconds, as a list of one element."""
    start = timer.mark()
    net(images)
    return timer.laps([start, timer.mark()])


def covering_archs(space: SearchSpace, size: Size, rng: np.random.Generator) -> list[Arch]:
    """A few archs that together use every step of a space, each in several archs if it can be.

    Args:
        space: The space; its anchors count as part of it.
        size: Size of the images.
        rng: Draws the archs among which they are chosen.
    """
    # one arch for every step, in case those that are drawn do not have all steps
    holders: dict[StepKey, Arch] = {}
    for arch in itertools.chain(space, space.anchors.values()):
        for key in path_keys(space.family, arch, size):
            holders.setdefault(key, arch)
    candidates = [space.sample(rng) for _ in range(DRAWS)] + list(holders.values())
    steps = [set(path_keys(space.family, arch, size)) for arch in candidates]
    wanted = Counter(dict.fromkeys(holders, SUBNETS_PER_STEP))
    chosen: list[Arch] = []
    while True:
        gains = [sum(wanted[key] > 0 for key in keys) for keys in steps]
        best = int(np.argmax(gains))
        if not gains[best]:
            return chosen
        if candidates[best] not in chosen:
            chosen.append(candidates[best])
            wanted.subtract(steps[best])
        steps[best] = set()


def draw_others(
    space: SearchSpace, archs: Sequence[Arch], num: int, rng: np.random.Generator
) -> list[Arch]:
    """``num`` different archs beside those given; none if there are fewer than two to rank."""
    draws = rng.choice(len(space), min(num + len(archs), len(space)), replace=False)
    others = [arch for arch in map(space.__getitem__, map(int, draws)) if arch not in archs][:num]
    return others if len(others) > 1 else []


def _take_turns(passes: Sequence[Callable[[], list[float]]], rounds: int) -> list[list[float]]:
    """The fastest of each kind of pass, as the seconds of its parts."""
    fastest = [[math.inf] for _ in passes]
    progress = Progress(rounds * len(passes) * PASSES)
    for _ in range(rounds):
        for i, run in enumerate(passes):
            fastest[i] = min(fastest[i], *(run() for _ in range(PASSES)), key=sum)
            progress(PASSES)
    return fastest


def subnet_builder(family: Family, settings: LatencySettings) -> Callable[[Arch], SubnetBackbone]:
    """A function that builds the static subnets of a family, ready to run.

    They share the modules of steps that are equal in place and shape: many subnets together take
    the memory of a few supernets, and within a subnet each step still has weights of its own.
    """
    subnet_type: Any = SUPERNETS[type(family)].subnet_type
    built: dict[tuple[Step, int], nn.Module] = {}

    class Sharing(subnet_type):
        def build_step(self, step: Step, in_channels: int, layers: LayerFactory) -> nn.Module:
            if (step, in_channels) not in built:
                built[step, in_channels] = super().build_step(step, in_channels, layers)
            return built[step, in_channels]

    return lambda arch: _to(Sharing(arch=arch, **vars(family)).eval(), settings)


def _to(what: Any, settings: LatencySettings) -> Any:
    """Images or a network in the form and at the place that are timed."""
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    return what.to(settings.device, DTYPES[settings.dtype], memory_format=layout)


@contextmanager
def _running_on(settings: LatencySettings) -> Iterator[None]:
    """Inference on the device, with that many threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads or threads)
    try:
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            if settings.on_gpu:
                torch.cuda.set_device(settings.device)  # events are recorded on the current one
            yield
    finally:
        torch.set_num_threads(threads)
