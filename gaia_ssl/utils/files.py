"""Write files atomically, and compute digests."""

import hashlib
import json
import os
import os.path as osp
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

TEXT: dict[str, Any] = dict(encoding='utf-8', errors='surrogateescape')
"""How text is written that can hold names of files, and how it is read again."""


def draft_name(path: str) -> str:
    """The name under which this process writes what is to become ``path``."""
    return f'{path}.tmp{os.getpid()}'


def abandoned_drafts(path: str, ending: str = '') -> list[str]:
    """Find the drafts of a file or folder that processes left which were killed.

    Args:
        path: The file or folder.
        ending: Ends the names to be found, after the number of the process. Defaults to nothing.
    """
    folder, name = osp.split(path)
    pattern = re.compile(rf'{re.escape(name)}\.tmp(\d+){re.escape(ending)}', re.ASCII)
    names = os.listdir(folder or '.') if osp.isdir(folder or '.') else []
    found = (pattern.fullmatch(entry) for entry in sorted(names))
    return [osp.join(folder, match[0]) for match in found if match and not _runs(int(match[1]))]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        pass
    return True


@contextmanager
def atomic_write(path: str, mode: str = 'w') -> Iterator[IO]:
    """Open a file for writing that replaces ``path`` when it is complete.

    Text is written in UTF-8; names of files that are not UTF-8 keep their bytes. Drafts of the file
    that killed processes left are removed.

    Args:
        path: The file to write; a present one stays until the new content is on disk.
        mode: ``'w'`` for text, ``'wb'`` for bytes. Defaults to text.

    Raises:
        OSError: If it cannot be written; the error names the file.
    """
    draft = draft_name(path)  # processes that write the same file at once do not share it
    try:
        with naming_file(path):
            with open(draft, mode, **({} if 'b' in mode else TEXT)) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        for abandoned in abandoned_drafts(path):
            with suppress(OSError):
                os.remove(abandoned)
    except BaseException:
        with suppress(OSError):
            os.remove(draft)
        raise


@contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[str]:
    """Make a folder that appears under its name when it is complete.

    Drafts of it that killed processes left are removed.

    Args:
        path: The folder, which is empty or does not exist.

    Yields:
        Path of the draft, which is removed if anything fails.

    Raises:
        OSError: If something in it cannot be written; the error names a file or the folder.
    """
    path = os.fspath(path)
    draft = draft_name(path)
    for abandoned in abandoned_drafts(path):
        shutil.rmtree(abandoned, ignore_errors=True)
    try:
        with naming_file(path):
            os.makedirs(draft)
            yield draft
            os.replace(draft, path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def naming_file(path: str) -> Iterator[None]:
    """Name the file in errors of writing it, such as that of a full disk, which name none."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = path
        raise


def write_json(path: str | os.PathLike, data: Any) -> None:
    """Write JSON-ready data to a file, atomically."""
    with atomic_write(os.fspath(path)) as file:
        json.dump(data, file, indent=1)
        file.write('\n')


def file_digest(path: str) -> str:
    """Compute the SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def data_digest(data: Any) -> str:
    """Compute the SHA-256 of JSON-ready data, in hexadecimal; other values by their ``str``."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()
