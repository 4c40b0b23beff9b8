"""Write checkpoints atomically, and find the latest."""

import os
import os.path as osp
import zipfile
from contextlib import suppress
from glob import escape, glob
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from gaia_ssl.utils.files import atomic_write
from gaia_ssl.utils.paths import last_checkpoint

ATOMIC = 'gaia_ssl.atomic'
"""Name of the backend, for ``backend_args=dict(backend=...)``."""
NAMES = ('epoch_[0-9]*', 'iter_[0-9]*')
"""Names of checkpoints to resume from; those of the best weights lack the optimizer."""


class AtomicBackend(LocalBackend):
    """Local files that are written atomically."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to a file, which replaces the present one when it is on disk."""
        os.makedirs(osp.dirname(filepath) or '.', exist_ok=True)
        with atomic_write(str(filepath), 'wb') as file:
            file.write(obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text to a file in the same way."""
        self.put(obj.encode(encoding, 'surrogateescape'), filepath)


register_backend(ATOMIC, AtomicBackend, force=True)


def latest_checkpoint(work_dir: str) -> str | None:
    """Find the checkpoint to resume a training from.

    Args:
        work_dir: The work dir of the training.

    Returns:
        The one that ``last_checkpoint`` names, in the work dir itself if that was copied or moved;
        if it is missing or broken, the newest complete one in the work dir; ``None`` if there is
        none.
    """
    named = []
    with suppress(FileNotFoundError):
        named.append(str(last_checkpoint(work_dir)))
    found = (
        path for name in NAMES for path in glob(osp.join(escape(str(work_dir)), f'{name}.pth'))
    )
    others = sorted(found, key=osp.getmtime, reverse=True)
    return next(filter(_complete, named + others), None)


def _complete(path: str) -> bool:
    # torch.save writes a zip archive, whose directory comes last
    return osp.isfile(path) and zipfile.is_zipfile(path)
