"""Run the stages of a pipeline once each, in parallel where dependencies allow."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gaia_ssl.utils.files import TEXT

from .stages import Records, Stage, StageError

TAIL = 15  # lines of a log shown when its stage failed
POLL = 0.2  # seconds
STOPS = (signal.SIGINT, signal.SIGTERM)


def set_up_child() -> None:
    """Let a child process die with its parent, even if the parent is killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


@contextmanager
def signals_held() -> Iterator[None]:
    """Delay SIGINT and SIGTERM, so that none comes between a start and its record."""
    # by handlers: a mask holds for one thread only, and another thread would get the signals
    heard = []
    before = {stop: signal.signal(stop, lambda number, _: heard.append(number)) for stop in STOPS}
    try:
        yield
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)
        for number in heard[:1]:
            signal.raise_signal(number)


@contextmanager
def orderly_exit(name: str, again: str = 'the same command') -> Iterator[None]:
    """End a command with one message when a stage fails, on SIGINT and on SIGTERM.

    Args:
        name: Name of the command.
        again: The command that resumes the work.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except StageError as error:
        sys.exit(f'{name}: {error}')
    except KeyboardInterrupt:
        print(f'\n{name}: stopped; {again} resumes from here', file=sys.stderr)
        sys.exit(130)


class Pipeline:
    """Runs stages, as many in parallel as there are cores.

    Args:
        stages: All stages, each after those it needs.
        work_dir: Where logs and records go.
        cores: CPU cores to keep busy. Defaults to those this process may use.
        lanes: Environment variables for the first, second, ... of the stages that run in parallel,
            such as the GPUs to use. Defaults to none.
        tolerant: When a stage fails, run the others, except those that need it.

    Attributes:
        failures: Why stages failed, a line each, by name; what needs them did not run.

    Raises:
        ValueError: If a stage comes before what it needs.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        work_dir: Path,
        cores: int | None = None,
        lanes: Sequence[dict[str, str]] = (),
        tolerant: bool = False,
    ) -> None:
        self.stages = {stage.name: stage for stage in stages}
        self.work_dir = work_dir
        self.cores = cores or len(os.sched_getaffinity(0))
        self.lanes = lanes
        self.tolerant = tolerant
        self.records = Records(work_dir)
        self.running: dict[str, subprocess.Popen] = {}
        self.lane_of: dict[str, int] = {}
        self.failures: dict[str, str] = {}
        known: set[str] = set()
        for stage in stages:
            if not known.issuperset(stage.needs):
                raise ValueError(f'stage {stage.name} comes before what it needs')
            known.add(stage.name)

    def run(self) -> None:
        """Run the stages that are not done yet.

        Raises:
            StageError: If a stage fails and the pipeline is not tolerant; the others are stopped.
        """
        done = self.records.done(list(self.stages.values()))
        for name in self.stages:
            if name in done:
                self._say(name, 'done before')
        waiting = [stage for name, stage in self.stages.items() if name not in done]
        try:
            while waiting or self.running:
                for stage in list(waiting):
                    if done.issuperset(stage.needs) and self._fits(stage):
                        waiting.remove(stage)
                        self._start(stage)
                        self._say_started(stage.name)
                self._show_progress()
                time.sleep(POLL)
                for name in [
                    n for n, process in self.running.items() if process.poll() is not None
                ]:
                    if self._finish(self.stages[name], self.running.pop(name).returncode):
                        self._say(name)
                        done.add(name)
                waiting = self._possible(waiting)
        finally:
            self._print('', end='')
            self._stop()

    def _fits(self, stage: Stage) -> bool:
        cores = [self.stages[name].cores for name in self.running]
        return not cores or sum(cores) + stage.cores <= self.cores

    def _possible(self, waiting: Sequence[Stage]) -> list[Stage]:
        """The stages that depend on no failed stage, directly or through others."""
        lost = set(self.failures)
        for stage in waiting:  # each after those it needs
            if not lost.isdisjoint(stage.needs):
                lost.add(stage.name)
        return [stage for stage in waiting if stage.name not in lost]

    def _lane(self, name: str) -> dict[str, str]:
        """Assign the first free lane to a stage."""
        if not self.lanes:
            return {}
        taken = {self.lane_of[other] for other in self.running}
        self.lane_of[name] = next(k for k in range(len(self.lanes)) if k not in taken)
        return self.lanes[self.lane_of[name]]

    def _start(self, stage: Stage) -> None:
        attempts = 0
        if stage.folder is not None:
            if stage.resumes and stage.folder.exists() and self.records.is_current(stage):
                attempts = self.records[stage.name]['attempts']
            else:
                shutil.rmtree(stage.folder, ignore_errors=True)
        log = self.log(stage.name)
        log.parent.mkdir(parents=True, exist_ok=True)
        self.records[stage.name] = dict(start=time.time(), attempts=attempts + 1)
        with open(log, 'a', **TEXT) as file, signals_held():
            file.write(f'=== {" ".join(stage.command)}\n')
            file.flush()
            self.running[stage.name] = subprocess.Popen(
                stage.command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=dict(os.environ, **self._lane(stage.name), **stage.env),
                start_new_session=True,  # a stage and its workers can then be stopped together
                preexec_fn=set_up_child,
            )

    def _finish(self, stage: Stage, code: int) -> bool:
        """Record a stage that has ended.

        Returns:
            Whether it succeeded.

        Raises:
            StageError: If it failed and the pipeline is not tolerant.
        """
        log = self.log(stage.name)
        reason = ''
        result: dict[str, Any] = {}
        if code:
            reason = f'exit code {code}'
        else:
            try:
                result = stage.collect()
                missing = [str(path) for path in stage.outputs if not path.exists()]
                reason = f'{missing[0]} is missing' if missing else ''
            except (OSError, LookupError, ValueError) as error:
                reason = f'its result cannot be read: {error!r}'
        if reason:
            lines = log.read_text(errors='replace').splitlines()
            if not self.tolerant:
                tail = '\n'.join(lines[-TAIL:])
                raise StageError(f'stage {stage.name} failed ({reason}); end of {log}:\n{tail}')
            self.failures[stage.name] = f'{reason}: {lines[-1].strip()}; see {log}'
            self._print(f'{stage.name} failed, {self.failures[stage.name]}')
            return False
        self.records[stage.name] = dict(self.records[stage.name], end=time.time(), result=result)
        return True

    def _stop(self) -> None:
        # a stage loses nothing by this: its files are written atomically
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.running.clear()

    def log(self, name: str) -> Path:
        """The log file of a stage."""
        return self.work_dir / 'logs' / f'{name}.log'

    def _say(self, name: str, note: str = '') -> None:
        record = self.records[name]
        figures = ', '.join(
            f'{key} {value:.4g}'
            for key, value in record['result'].items()
            if isinstance(value, int | float)
        )
        self._print(
            f'{self._heading(name)}{record["end"] - record["start"]:6.0f} s  '
            f'{figures}{note and f"  ({note})"}'
        )

    def _heading(self, name: str) -> str:
        number = list(self.stages).index(name) + 1
        return f'[{number:2d}/{len(self.stages)}] {name:{max(map(len, self.stages))}}'

    def _say_started(self, name: str) -> None:
        if not sys.stdout.isatty():  # a terminal shows it in the progress
            self._print(f'{self._heading(name)}  started, see {self.log(name)}')

    def _show_progress(self) -> None:
        if sys.stdout.isatty() and self.running:
            starts = {name: self.records[name]['start'] for name in self.running}
            now = time.time()
            busy = ', '.join(f'{name} {now - start:.0f} s' for name, start in starts.items())
            self._print(f'        running: {busy}', end='')

    @staticmethod
    def _print(text: str, **options: Any) -> None:
        clear = '\r\033[K' if sys.stdout.isatty() else ''
        print(f'{clear}{text}', flush=True, **options)
