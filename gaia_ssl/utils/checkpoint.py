"""Reading the checkpoints that MMEngine's Runner and the extraction write."""

import os.path as osp
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.runner import CheckpointLoader

from .errors import UserError


def load_checkpoint(filename: str, map_location: str | None = 'cpu') -> dict[str, Any]:
    """Load a local checkpoint, a Runner's own included.

    MMEngine's checkpoints hold log buffers, which ``torch.load`` refuses since torch 2.6 unless
    it is told to trust the file; importing this module lets MMEngine load and resume them.

    Args:
        filename: Path of the checkpoint.
        map_location: As in ``torch.load``. Defaults to the CPU.

    Raises:
        UserError: If there is no such file, or it is damaged.
    """
    with _readable(filename) as path:
        try:
            return torch.load(path, map_location=map_location, weights_only=True)
        except pickle.UnpicklingError:
            return torch.load(path, map_location=map_location, weights_only=False)


def load_untrusted(filename: str) -> Any:
    """Load tensors and plain data; the tensors are read from disk when they are used.

    Args:
        filename: Path of the file.

    Raises:
        UserError: If there is no such file, it is damaged, or it holds anything else.
    """
    with _readable(filename) as path:
        return torch.load(path, map_location='cpu', weights_only=True, mmap=True)


@contextmanager
def _readable(filename: str) -> Iterator[str]:
    """The path of a file that is read inside; what goes wrong there is the user's to mend."""
    filename = osp.expanduser(filename)
    if not osp.isfile(filename):
        raise UserError(f'checkpoint: {filename} does not exist')
    try:
        yield filename
    except (ImportError, AttributeError) as error:
        raise UserError(
            f'checkpoint: {filename} holds objects of code that is not here ({error}); install it, '
            'or save the state_dict alone'
        ) from error
    except Exception as error:  # bytes that are no checkpoint can fail in any way
        reason = str(error).partition('\n')[0]
        raise UserError(
            f'checkpoint: {filename} cannot be read ({reason}); it may be truncated, write or '
            'copy it again'
        ) from error


# MMEngine's log calls the backend by what follows 'load_from_'
@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: str | None = 'cpu') -> dict[str, Any]:
    """``load_checkpoint``, for MMEngine."""
    return load_checkpoint(filename, map_location)
