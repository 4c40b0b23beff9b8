"""A hook that measures the time and the memory of a training."""

import resource
import time

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from gaia_ssl.registry import HOOKS
from gaia_ssl.utils.files import write_json

WARM = 10
"""Iterations at the start that are not measured."""


@HOOKS.register_module()
class StopwatchHook(Hook):
    """Writes a training's times, of its processor and of the clock, when it ends.

    The file holds in seconds the process's whole ``cpu_seconds``, those before the first iteration
    as ``setup``, and those of an ``iteration``; by the clock ``wall_setup``, from the making of the
    hook on, and ``wall_iteration``; ``iterations``; and the ``peak_bytes`` of the process, on a GPU
    those allocated there.

    Args:
        out: The JSON file.
        extra: Processor seconds spent elsewhere, to be added to ``cpu_seconds``. Defaults to 0.
    """

    def __init__(self, out: str, extra: float = 0.0) -> None:
        self.out, self.extra = out, extra
        self.begin = time.perf_counter()
        self.starts: dict[int, tuple[float, float]] = {}

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        """Note the times before the first iteration, and after the warm-up."""
        if runner.iter in (0, WARM):
            self.starts[runner.iter] = _now()

    def after_train(self, runner: Runner) -> None:
        """Write the file."""
        cpu, wall = _now()
        begin = self.starts.get(WARM, self.starts[0])
        timed = runner.iter - WARM if WARM in self.starts else runner.iter
        write_json(
            self.out,
            dict(
                setup=self.starts[0][0],
                iteration=(cpu - begin[0]) / timed,
                cpu_seconds=cpu + self.extra,
                wall_setup=self.starts[0][1] - self.begin,
                wall_iteration=(wall - begin[1]) / timed,
                iterations=runner.iter,
                peak_bytes=_peak(),
            ),
        )


def _now() -> tuple[float, float]:
    """Seconds of the processor and of the clock."""
    return time.process_time(), time.perf_counter()


def _peak() -> int:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
