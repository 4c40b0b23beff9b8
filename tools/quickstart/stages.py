"""Stages: commands that need one another, run side by side, each once."""

import ctypes
import dataclasses
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TAIL = 15  # lines of a log shown when its stage failed


def _die_with_parent() -> None:
    """In a child: ask Linux for SIGKILL once the parent is gone, however it went."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class StageError(RuntimeError):
    """A stage failed; the message says which, and what it said last."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """One process of the quickstart.

    Args:
        name: What records, logs and report call it.
        command: The command line.
        outputs: What the command leaves; the stage is not done when one is missing.
        collect: Reads its figures once the command is through. Defaults to none.
        needs: Names of the stages that come before.
        cores: CPU cores it keeps busy.
        env: Environment variables of its own.
        scratch: A folder to remove before the command starts, as it cannot go on by itself.
    """

    name: str
    command: Sequence[str]
    outputs: Sequence[Path]
    collect: Callable[[], dict[str, Any]] = dict
    needs: Sequence[str] = ()
    cores: int = 1
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    scratch: Path | None = None


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` to ``path``, wholly or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f'{path.name}.tmp')
    draft.write_text(json.dumps(data, indent=1) + '\n')
    os.replace(draft, path)


@contextmanager
def lock(work_dir: Path) -> Iterator[None]:
    """Keep a second quickstart out of ``work_dir``.

    Raises:
        StageError: If one is at work there.
    """
    with open(work_dir / '.lock', 'w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StageError(f'another quickstart is at work in {work_dir}') from error
        yield


def tail(path: Path, lines: int = TAIL) -> str:
    """The last lines of a log."""
    return '\n'.join(path.read_text(errors='replace').splitlines()[-lines:])


class Records:
    """What is done: one file per stage under ``<work_dir>/stages``.

    A record holds ``start`` and ``end`` (seconds since 1970), ``attempts``, and ``result``.

    Args:
        work_dir: The quickstart's folder.
    """

    def __init__(self, work_dir: Path) -> None:
        self.folder = work_dir / 'stages'

    def __getitem__(self, name: str) -> dict[str, Any] | None:
        path = self.folder / f'{name}.json'
        return json.loads(path.read_text()) if path.is_file() else None

    def __setitem__(self, name: str, record: dict[str, Any]) -> None:
        write_json(self.folder / f'{name}.json', record)

    def done(self, stages: Sequence[Stage]) -> set[str]:
        """Names of the stages that need not run again.

        A stage is done when it is on record, what it left is there, and what it needs was done
        before it began.

        Args:
            stages: All stages, each after those it needs.
        """
        names: set[str] = set()
        for stage in stages:
            record = self[stage.name]
            if (
                record is not None
                and all(path.exists() for path in stage.outputs)
                and all(n in names and self[n]['end'] <= record['start'] for n in stage.needs)
            ):
                names.add(stage.name)
        return names


class Pipeline:
    """Runs stages, as many side by side as there are cores.

    Args:
        stages: All stages, each after those it needs.
        work_dir: Where logs and records go.
        cores: CPU cores to keep busy. Defaults to those this process may use.
    """

    def __init__(self, stages: Sequence[Stage], work_dir: Path, cores: int | None = None) -> None:
        self.stages = stages
        self.work_dir = work_dir
        self.cores = cores or len(os.sched_getaffinity(0))
        self.records = Records(work_dir)
        self.running: dict[str, tuple[Stage, subprocess.Popen, float]] = {}

    def run(self) -> None:
        """Run what is not done yet.

        Raises:
            StageError: If a stage fails; the others are stopped.
        """
        done = self.records.done(self.stages)
        for stage in self.stages:
            if stage.name in done:
                self._say(stage, self.records[stage.name], 'done before')
        waiting = [stage for stage in self.stages if stage.name not in done]
        try:
            while waiting or self.running:
                self._start_what_fits(waiting, done)
                for name in self._finished():
                    stage, process, start = self.running.pop(name)
                    self._finish(stage, process.returncode, start)
                    done.add(name)
                self._show_progress()
                time.sleep(0.2)
        finally:
            self._stop()

    def _start_what_fits(self, waiting: list[Stage], done: set[str]) -> None:
        for stage in list(waiting):
            busy = sum(min(s.cores, self.cores) for s, *_ in self.running.values())
            fits = busy + min(stage.cores, self.cores) <= self.cores
            if fits and done.issuperset(stage.needs):
                waiting.remove(stage)
                self._start(stage)

    def _start(self, stage: Stage) -> None:
        if stage.scratch:
            shutil.rmtree(stage.scratch, ignore_errors=True)
        log = self.log(stage)
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, 'a') as file:
            file.write(f'{self._mark(stage)} {" ".join(stage.command)}\n')
            file.flush()
            process = subprocess.Popen(
                stage.command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=dict(os.environ, **stage.env),
                start_new_session=True,  # so that a stage and its workers can be stopped together
                preexec_fn=_die_with_parent,
            )
        self.running[stage.name] = (stage, process, time.time())

    def _finished(self) -> list[str]:
        return [name for name, (_, p, _) in self.running.items() if p.poll() is not None]

    def _finish(self, stage: Stage, code: int, start: float) -> None:
        log = self.log(stage)
        reason = f'exit code {code}'
        result = {}
        if code == 0:
            missing = [str(path) for path in stage.outputs if not path.exists()]
            reason = f'{missing[0]} is missing' if missing else ''
        if not reason:
            try:
                result = stage.collect()
            except (OSError, LookupError, ValueError) as error:
                reason = f'its result cannot be read: {error!r}'
        if reason:
            raise StageError(f'stage {stage.name} failed ({reason}); end of {log}:\n{tail(log)}')
        attempts = log.read_text(errors='replace').count(self._mark(stage))
        record = dict(start=start, end=time.time(), attempts=attempts, result=result)
        self.records[stage.name] = record
        self._say(stage, record)

    def _stop(self) -> None:
        for _, process, _ in self.running.values():
            for sign in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, sign)
                    process.wait(5)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass
        self.running.clear()

    def log(self, stage: Stage) -> Path:
        """Where a stage's output goes."""
        return self.work_dir / 'logs' / f'{stage.name}.log'

    @staticmethod
    def _mark(stage: Stage) -> str:
        return f'=== {stage.name}:'

    def _say(self, stage: Stage, record: dict[str, Any], note: str = '') -> None:
        number = [s.name for s in self.stages].index(stage.name) + 1
        figures = ', '.join(
            f'{key} {value:.4g}'
            for key, value in record['result'].items()
            if isinstance(value, int | float)
        )
        note = f'  ({note})' if note else ''
        seconds = record['end'] - record['start']
        clear = '\r\033[K' if sys.stdout.isatty() else ''
        print(
            f'{clear}[{number:2d}/{len(self.stages)}] {stage.name:26}{seconds:6.0f} s  '
            f'{figures}{note}',
            flush=True,
        )

    def _show_progress(self) -> None:
        if sys.stdout.isatty() and self.running:
            now = time.time()
            busy = ', '.join(f'{n} {now - start:.0f} s' for n, (*_, start) in self.running.items())
            print(f'\r\033[K        running: {busy}', end='', flush=True)
