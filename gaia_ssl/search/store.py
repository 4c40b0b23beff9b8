"""Keep the scores of a running search on disk: one folder per round, one file per part."""

import json
import os
import os.path as osp
from collections.abc import Sequence
from typing import Any

import numpy as np

from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import atomic_write


class Store:
    """The scores of a search so far, kept so that it can be resumed.

    Args:
        work_dir: The search's folder; the scores are in its folder ``rounds``.
        identity: JSON-ready data that decides the scores: two searches with equal identities have
            equal scores.
    """

    def __init__(self, work_dir: str, identity: dict[str, Any]) -> None:
        self.work_dir = work_dir
        self.folder = osp.join(work_dir, 'rounds')
        self.identity = json.loads(json.dumps(identity))

    def open(self, resume: bool = False) -> None:
        """Start a search in the work dir, or resume the one that is there.

        Args:
            resume: Resume the search; if there is none yet, it starts. Defaults to False.

        Raises:
            UserError: If the work dir holds a search and ``resume`` is not set, or holds another
                search, or cannot be written.
        """
        path = osp.join(self.folder, 'search.json')
        if osp.exists(path):
            if not resume:
                raise UserError(
                    f'work_dir: {self.work_dir} already holds a search; give resume to continue '
                    'it, or another work_dir'
                )
            with open(path) as file:
                self._compare(json.load(file))
            return
        try:
            os.makedirs(self.folder, exist_ok=True)
            with atomic_write(path) as file:
                json.dump(self.identity, file, indent=1)
        except OSError as error:
            raise UserError(
                f'work_dir: {self.work_dir} cannot be written ({error.strerror}); give another '
                'work_dir'
            ) from error

    def _compare(self, other: dict[str, Any]) -> None:
        keys = self.identity.keys() | other.keys()
        differing = sorted(k for k in keys if self.identity.get(k) != other.get(k))
        if differing:
            raise UserError(
                f'work_dir: {self.work_dir} holds another search (other {", ".join(differing)}); '
                'give another work_dir, or the settings of that search'
            )

    def round(
        self,
        number: int,
        parts: int,
        shape: tuple[int, int],
        rows: Sequence[Sequence[int]] | None = None,
    ) -> 'Round':
        """The scores of a round.

        Args:
            number: Its number, from 0.
            parts: The number of its parts.
            shape: The shape of its scores, (candidates, terms).
            rows: The candidates of each part. Defaults to all of them in each.
        """
        return Round(osp.join(self.folder, f'{number:04d}'), parts, shape, rows)


class Round:
    """Scores of candidates, in parts that are summed: groups of images, or blocks of candidates.

    Each part is written whole by one process, in any order; sums are then taken in the order of
    the parts, so that they do not depend on who computed which.

    Args:
        folder: Their folder.
        parts: The number of parts.
        shape: The shape of the scores, (candidates, terms).
        rows: The candidates of each part. Defaults to all of them in each.
    """

    def __init__(
        self,
        folder: str,
        parts: int,
        shape: tuple[int, int],
        rows: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.folder, self.parts, self.shape, self.rows = folder, parts, shape, rows

    def done(self, part: int) -> bool:
        """Return True if a part's scores are on disk."""
        return osp.exists(self._path(part))

    def write(self, part: int, scores: np.ndarray) -> None:
        """Write a part's scores, (its candidates, terms)."""
        os.makedirs(self.folder, exist_ok=True)
        with atomic_write(self._path(part), 'wb') as file:
            np.save(file, scores)

    def read(self, part: int) -> np.ndarray:
        """Read a part's scores.

        Raises:
            UserError: If it is missing or damaged.
        """
        try:
            return np.load(self._path(part))
        except (OSError, ValueError, EOFError) as error:
            raise UserError(
                f'work_dir: {self._path(part)} cannot be read; delete it and give resume'
            ) from error

    def total(self) -> np.ndarray:
        """The sum over all parts, (candidates, terms).

        Raises:
            UserError: If a part is missing or damaged.
        """
        total = np.zeros(self.shape)
        for part in range(self.parts):
            rows = slice(None) if self.rows is None else list(self.rows[part])
            total[rows] += self.read(part)
        return total

    def _path(self, part: int) -> str:
        return osp.join(self.folder, f'{part:06d}.npy')
