"""Measure the time and the peak memory of callables on a device."""

import itertools
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

os.environ.setdefault('KINETO_LOG_LEVEL', '99')  # the profiler's log level, read on import

import torch

Procedures = Mapping[str, Callable[[int], Any]]
"""By name, a function of the draw."""


def synchronise(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def measure(run: Callable[[], Any], device: torch.device) -> dict[str, float]:
    """Wall and processor seconds of a call."""
    synchronise(device)
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    synchronise(device)
    return dict(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)


def measure_rounds(
    procedures: Procedures, draws: int, warmup: int, iters: int, device: torch.device
) -> dict[str, list[dict[str, float]]]:
    """Seconds of each procedure, round by round; who begins a round takes turns."""
    names = list(procedures)
    # every procedure runs every draw once before it counts: shapes are prepared on first use
    for draw, _ in itertools.product(range(draws), range(warmup)):
        for name in names:
            procedures[name](draw)
    times: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for index in range(iters):
        turn = index % len(names)
        for name in names[turn:] + names[:turn]:
            run = procedures[name]
            times[name].append(measure(lambda: run(index % draws), device))  # noqa: B023
    return times


def peak_rise(run: Callable[[], Any], device: torch.device) -> int:
    """Bytes by which the allocator's total rises at most during a call.

    On a CPU it is the running sum of every allocation and release that torch's profiler records:
    exact, and apart from what the C library and the neighbours keep.
    """
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(
        activities=activities, profile_memory=True, acc_events=True
    ) as profile:
        run()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == '[memory]']
    events.sort(key=lambda event: event.start_ns())
    return max(itertools.accumulate((event.nbytes() for event in events), initial=0))
