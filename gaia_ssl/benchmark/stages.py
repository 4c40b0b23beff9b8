"""Stages: commands with dependencies, and their records on disk."""

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import write_json


class StageError(RuntimeError):
    """A reason, for the user to read, why stages cannot be completed."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """One command of a pipeline.

    Args:
        name: What records, logs and report call it.
        command: The command line.
        outputs: Files that the command leaves; a stage with a missing output is not done.
        collect: Reads its figures after the command has ended. Defaults to none.
        needs: Names of the stages that come before.
        cores: CPU cores it keeps busy.
        env: Environment variables of its own.
        folder: The folder that the command fills; removed before it starts from the beginning.
        resumes: Whether the command resumes from a partly filled ``folder``. Defaults to False.
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
    """Records of stages: one file per stage under ``<work_dir>/stages``.

    A record holds the ``start`` of the last attempt (seconds since 1970) and the number of
    ``attempts``; of a stage that has ended, its ``end`` and its ``result`` as well.

    Args:
        work_dir: The folder that the stages fill.
    """

    def __init__(self, work_dir: Path) -> None:
        self.folder = work_dir / 'stages'

    def __contains__(self, name: str) -> bool:
        return self._path(name).is_file()

    def __getitem__(self, name: str) -> dict[str, Any]:
        return json.loads(self._path(name).read_text())

    def __setitem__(self, name: str, record: dict[str, Any]) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, record)

    def _path(self, name: str) -> Path:
        return self.folder / f'{name}.json'

    def is_current(self, stage: Stage) -> bool:
        """Tell if the stage began after all that it needs had ended."""
        if not all(name in self for name in (stage.name, *stage.needs)):
            return False
        start = self[stage.name]['start']
        return all(self[name].get('end', math.inf) <= start for name in stage.needs)

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


def claim_settings(work_dir: Path, settings: dict[str, Any]) -> None:
    """Make a work dir, or check that it was made by the same settings.

    Args:
        work_dir: The folder.
        settings: What identifies the work.

    Raises:
        UserError: If it cannot be written or holds something else.
    """
    path = work_dir / 'settings.json'
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        if not any(work_dir.iterdir()):
            write_json(path, settings)
    except OSError as error:
        raise UserError(f'--work-dir: {work_dir} cannot be written ({error.strerror})') from error
    # stages remove folders that they make anew: never someone else's
    if not path.is_file() or json.loads(path.read_text()) != settings:
        raise UserError(
            f'--work-dir: {work_dir} holds something else or was begun with other options; '
            'choose another'
        )
