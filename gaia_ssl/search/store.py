"""Keep the scores of a running search on disk: one folder per round, one file per group."""

import json
import os
import os.path as osp
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

    def round(self, number: int, groups: int, shape: tuple[int, ...]) -> 'Round':
        """The scores of a round.

        Args:
            number: Its number, from 0.
            groups: The number of batch-norm groups.
            shape: The shape of a group's scores.
        """
        return Round(osp.join(self.folder, f'{number:04d}'), groups, shape)


class Round:
    """Sums of distances per group, candidate and term.

    Each group is written whole by one process, in any order; sums over groups are then taken in
    the order of the groups, so that they do not depend on who computed which.

    Args:
        folder: Their folder.
        groups: The number of batch-norm groups.
        shape: The shape of a group's scores, (candidates, terms).
    """

    def __init__(self, folder: str, groups: int, shape: tuple[int, ...]) -> None:
        self.folder, self.groups, self.shape = folder, groups, shape

    def done(self, group: int) -> bool:
        """Return True if a group's scores are on disk."""
        return osp.exists(self._path(group))

    def write(self, group: int, sums: np.ndarray) -> None:
        """Write a group's sums, (candidates, terms)."""
        os.makedirs(self.folder, exist_ok=True)
        with atomic_write(self._path(group), 'wb') as file:
            np.save(file, sums)

    def total(self) -> np.ndarray:
        """The sum over all groups, (candidates, terms).

        Raises:
            UserError: If a group is missing or damaged.
        """
        total = np.zeros(self.shape)
        for group in range(self.groups):
            try:
                total += np.load(self._path(group))
            except (OSError, ValueError, EOFError) as error:
                raise UserError(
                    f'work_dir: {self._path(group)} cannot be read; delete it and give resume'
                ) from error
        return total

    def _path(self, group: int) -> str:
        return osp.join(self.folder, f'{group:06d}.npy')
