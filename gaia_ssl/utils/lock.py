"""Lock a folder against a second process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.dist import is_main_process

from .errors import UserError

LOCK_FILE = '.lock'


@contextmanager
def lock(folder: str | os.PathLike, field: str = 'work_dir') -> Iterator[None]:
    """Hold the lock of a folder, in the first of several processes of one command.

    The lock belongs to the process and ends with it, however it ends. It is not inherited by the
    workers of a data loader, which may live on for a moment.

    Args:
        folder: The folder; it is made if it does not exist.
        field: The field that names the folder, for the message. Defaults to ``'work_dir'``.

    Raises:
        UserError: If another process holds the lock, or the folder cannot be written.
    """
    if not is_main_process():
        yield
        return
    path = os.path.join(folder, LOCK_FILE)
    try:
        os.makedirs(folder, exist_ok=True)
        file = open(path, 'w')  # noqa: SIM115 - closed below; an error of the work is not of this
    except OSError as error:
        raise UserError(
            f'{field}: {folder} cannot be written ({error.strerror}); choose another'
        ) from error
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f'{field}: another command is at work in {folder}; wait until it has ended, or '
                'choose another'
            ) from error
        yield
