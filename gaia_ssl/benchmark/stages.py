"""Stages: commands that need one another, and the records of those that ran."""

import dataclasses
import fcntl
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gaia_ssl.utils.files import write_json


class StageError(RuntimeError):
    """What keeps the stages from being done, for the user to read."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """One process.

    Args:
        name: What records, logs and report call it.
        command: The command line.
        outputs: What the command leaves; the stage is not done when one is missing.
        collect: Reads its figures once the command is through. Defaults to none.
        needs: Names of the stages that come before.
        cores: CPU cores it keeps busy.
        env: Environment variables of its own.
        folder: What the command fills; removed before it starts from the beginning.
        resumes: The command goes on with a half-filled ``folder``. Defaults to False.
    """

    name: str
    command: Sequence[str]
    outputs: Sequence[Path]
    collect: Callable[[], dict[str, Any]] = dict
    needs: Sequence[str] = ()
    cores: int = 1
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    folder: Path | None = None
    resumes: bool = False


class Records:
    """What ran: one file per stage under ``<work_dir>/stages``.

    A record holds the ``start`` of the last attempt (seconds since 1970) and the number of
    ``attempts``; once the stage is through, its ``end`` and its ``result`` as well.

    Args:
        work_dir: The folder that the stages fill.
    """

    def __init__(self, work_dir: Path) -> None:
        self.folder = work_dir / 'stages'

    def __getitem__(self, name: str) -> dict[str, Any] | None:
        path = self._path(name)
        return json.loads(path.read_text()) if path.is_file() else None

    def __setitem__(self, name: str, record: dict[str, Any]) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, record)

    def _path(self, name: str) -> Path:
        return self.folder / f'{name}.json'

    def is_current(self, stage: Stage) -> bool:
        """Whether the stage began after all that it needs was through."""
        record = self[stage.name]
        needed = [self[name] or {} for name in stage.needs]
        return record is not None and all(
            need.get('end', math.inf) <= record['start'] for need in needed
        )

    def done(self, stages: Sequence[Stage]) -> set[str]:
        """Names of the stages that need not run again.

        Args:
            stages: All stages, each after those it needs.
        """
        names: set[str] = set()
        for stage in stages:
            if (
                names.issuperset(stage.needs)
                and self.is_current(stage)
                and 'end' in self[stage.name]
                and all(path.exists() for path in stage.outputs)
            ):
                names.add(stage.name)
        return names


@contextmanager
def lock(work_dir: Path) -> Iterator[None]:
    """Keep others out of ``work_dir``.

    Raises:
        StageError: If one is at work there.
    """
    with open(work_dir / '.lock', 'w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StageError(f'another command is at work in {work_dir}') from error
        yield


def claim_work_dir(work_dir: Path, settings: dict[str, Any]) -> None:
    """Make a work dir, or check that it was made by the same settings.

    Args:
        work_dir: The folder.
        settings: What identifies the work.

    Raises:
        StageError: If it cannot be written or holds something else.
    """
    path = work_dir / 'settings.json'
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        if not any(work_dir.iterdir()):
            write_json(path, settings)
    except OSError as error:
        raise StageError(f'--work-dir: {work_dir} cannot be written ({error.strerror})') from error
    # stages remove folders that they make anew: never someone else's
    if not path.is_file() or json.loads(path.read_text()) != settings:
        raise StageError(
            f'--work-dir: {work_dir} holds something else or was begun with other options; '
            'choose another'
        )
