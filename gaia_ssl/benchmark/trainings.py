"""Trainings: those that a study compares, and the last checkpoint of one."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gaia_ssl.utils.paths import last_checkpoint

from .metrics import read_loss
from .stages import StageError


class Training(NamedTuple):
    """A training of a supernet.

    Attributes:
        config: Its config.
        checkpoint: Its latest checkpoint.
    """

    config: Path
    checkpoint: Path

    @classmethod
    def of(cls, folder: Path) -> 'Training':
        """The training in a work dir.

        Raises:
            StageError: If there is none.
        """
        configs = sorted(folder.glob('*.py'))
        checkpoints = sorted(folder.glob('*_[0-9]*.pth'), key=lambda path: path.stat().st_mtime)
        if not configs or not checkpoints:
            raise StageError(f'--supernets: {folder} holds no training')
        return cls(configs[0].absolute(), checkpoints[-1].absolute())


def trainings_of(words: Sequence[str]) -> dict[tuple[str, int], Training]:
    """The trainings that ``--supernets NAME=DIR`` names, by the name and the seed.

    Args:
        words: Each ``NAME=DIR``, where ``DIR`` holds trainings ``seed0``, ``seed1`` and so on.

    Raises:
        StageError: If a folder holds none.
    """
    found = {}
    for word in words:
        name, given, folder = word.partition('=')
        runs = sorted(Path(folder).glob('seed[0-9]*')) if given else []
        if not runs:
            raise StageError(
                f'--supernets: {word} is not NAME=DIR with trainings DIR/seed0 and so on'
            )
        for run in runs:
            found[name, int(run.name.removeprefix('seed'))] = Training.of(run)
    return found


def keep_last(link: Path) -> dict[str, float]:
    """Link a training's last checkpoint under a name that is known before; read its last loss.

    Args:
        link: The link to make, in the folder of the training.

    Returns:
        The ``loss``.
    """
    link.unlink(missing_ok=True)
    link.symlink_to(last_checkpoint(link.parent).name)
    return dict(loss=read_loss(link.parent))
