"""Write checkpoints, and read them without running code that a file may hold.

A checkpoint is a pickle, and a pickle can call any function while it is read. Here it may call only
what is on a list: what PyTorch allows for weights, and what MMEngine's Runner writes beside them,
which is its log (``HistoryBuffer``), NumPy arrays and NumPy numbers.
"""

import io
import os
import os.path as osp
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pickle import UnpicklingError
from threading import RLock
from typing import IO, Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    get_unsafe_globals_in_checkpoint,
    safe_globals,
)

from .errors import UserError
from .files import atomic_write

TRUST = 'GAIA_SSL_TRUST'
"""Environment variable that is 1 to unpickle checkpoints whatever they hold."""

_STATISTICS = ('min', 'max', 'mean', 'current')
_lock = RLock()  # PyTorch's list of allowed classes belongs to the process
_torch_load = torch.load  # what this module reads with, also while MMEngine is given another


def write_checkpoint(content: dict[str, Any], path: str) -> None:
    """Write a checkpoint atomically.

    Raises:
        OSError: If it cannot be written; the error names the file. PyTorch's own writer turns a
            full disk into a ``RuntimeError`` without a name.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic_write(path, 'wb') as file:
        file.write(buffer.getbuffer())


def save_checkpoint(content: dict[str, Any], filename: str) -> None:
    """Write a checkpoint where a user wants it; its folder is made if needed."""
    path = osp.expanduser(filename)
    os.makedirs(osp.dirname(path) or '.', exist_ok=True)
    write_checkpoint(content, path)


def load_checkpoint(filename: str, map_location: str | None = 'cpu', mmap: bool = False) -> Any:
    """Load a local checkpoint of weights, or of a Runner, or of an extracted subnet.

    Args:
        filename: Path of the checkpoint; one that ends with ``.safetensors`` is of that format.
        map_location: As in ``torch.load``. Defaults to the CPU.
        mmap: Read tensors from disk when they are used. Defaults to False.

    Raises:
        UserError: If there is no such file, it is damaged, or it holds what is not allowed.
    """
    path = osp.expanduser(filename)
    if not osp.isfile(path):
        raise UserError(f'checkpoint: {filename} does not exist')
    if path.endswith('.safetensors'):
        return _read_safetensors(path, filename)
    try:
        path.encode()
    except UnicodeEncodeError:  # PyTorch maps no file of such a name
        mmap = False
    return read_checkpoint(path, filename, map_location=map_location, mmap=mmap)


def read_checkpoint(file: str | os.PathLike | IO[bytes], name: str, **options: Any) -> Any:
    """Read a checkpoint as ``torch.load`` does, with nothing but the classes that are allowed.

    Args:
        file: The file or its path.
        name: Its name in messages.
        options: See ``torch.load``; ``weights_only`` is always true unless the user set
            ``GAIA_SSL_TRUST``.

    Raises:
        UserError: If it is damaged, holds what is not allowed, or has a ``state_dict`` without
            weights.
    """
    content = _read(file, name, options)
    weights = content.get('state_dict', {}) if isinstance(content, Mapping) else {}
    if not isinstance(weights, Mapping):
        kind = type(weights).__name__
        raise UserError(
            f'checkpoint: {name} has no weights: its state_dict is of type {kind}; write it again'
        )
    return content


def _read(file: str | os.PathLike | IO[bytes], name: str, options: dict) -> Any:
    try:
        with _allowed_classes():
            return _torch_load(file, **{**options, 'weights_only': True})
    except UnpicklingError as error:
        refused, failure = _refused_classes(file, error), error
    except Exception as error:  # damaged bytes can fail in any way
        raise _unreadable(name, error) from error
    if os.environ.get(TRUST) == '1':
        warnings.warn(f'{TRUST}=1: {name} is unpickled, which runs any code in it', stacklevel=2)
        return _read_trusted(file, name, options)
    if not refused:
        raise _unreadable(name, failure.__context__ or failure) from failure
    raise UserError(
        f'checkpoint: {name} holds {", ".join(refused)}, which weights do not need and which could '
        f'run any code; save its state_dict alone, or set {TRUST}=1 if you trust its author'
    ) from failure


def _read_trusted(file: str | os.PathLike | IO[bytes], name: str, options: dict) -> Any:
    _rewind(file)
    try:
        return _torch_load(file, **{**options, 'weights_only': False})
    except (ImportError, AttributeError) as error:
        raise UserError(
            f'checkpoint: {name} holds objects of code that is not installed ({error}); install '
            'it, or save the state_dict alone'
        ) from error
    except Exception as error:
        raise _unreadable(name, error) from error


def _read_safetensors(path: str, name: str) -> dict[str, torch.Tensor]:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise UserError(
            f'checkpoint: {name} needs safetensors, which cannot be imported ({error}); '
            'pip install safetensors'
        ) from error
    try:
        return load_file(path)
    except Exception as error:  # damaged bytes can fail in any way
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: BaseException) -> UserError:
    reason = str(error).partition('\n')[0]
    return UserError(
        f'checkpoint: {name} cannot be read ({reason}); it may be truncated, write or copy it again'
    )


def _rewind(file: str | os.PathLike | IO[bytes]) -> None:
    if not isinstance(file, str | os.PathLike):
        file.seek(0)


def _refused_classes(file: str | os.PathLike | IO[bytes], error: UnpicklingError) -> list[str]:
    """List the classes and functions of a file that are not allowed."""
    _rewind(file)
    try:
        with _allowed_classes():
            names = get_unsafe_globals_in_checkpoint(file)
    except Exception:  # not a zip archive: damaged, or of an old version of PyTorch
        names = []
    # the error names the first one alone
    return sorted(names) or re.findall(r'GLOBAL ([\w.]+)', str(error))[:1]


@contextmanager
def _allowed_classes() -> Iterator[None]:
    """Allow the classes of the list, and those that the user's code has allowed in PyTorch.

    The real ``getattr`` is left out even if somebody has allowed it: through it a file reaches any
    method of what is allowed, such as ``numpy.ndarray.tofile``.
    """
    with _lock:
        before = get_safe_globals()
        clear_safe_globals()
        try:
            others = [e for e in before if (e[0] if isinstance(e, tuple) else e) is not getattr]
            with safe_globals([*others, *_ALLOWED]):
                yield
        finally:
            clear_safe_globals()
            add_safe_globals(before)


def _statistic(owner: Any, name: str) -> Any:
    """Stand in for ``getattr``, by which a log refers to the methods of its statistics."""
    if owner is HistoryBuffer and name in _STATISTICS:
        return getattr(HistoryBuffer, name)
    raise UnpicklingError(f'GLOBAL builtins.getattr of {owner!r} and {name!r}')


def _numpy_classes() -> Iterator[Any]:
    yield from (np.ndarray, np.dtype)
    yield from {type(np.dtype(code)) for code in '?bBhHiIlLqQefd'}
    # NumPy 2 reads what NumPy 1 wrote, whose private module has another name, and the reverse
    functions: list[Any] = [np.zeros(1).__reduce__()[0], np.float64(1).__reduce__()[0]]
    for function in functions:
        for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
            yield function, f'{module}.{function.__name__}'


# found by trial on 131 checkpoints of mmengine 0.10.7, mmpretrain, mmdet and mmseg
# and ``bytes``, as which the content of an empty array is written
_ALLOWED = [HistoryBuffer, (_statistic, 'builtins.getattr'), bytes, *_numpy_classes()]
