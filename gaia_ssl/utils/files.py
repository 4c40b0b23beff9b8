"""Write files atomically, and compute digests."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any


@contextmanager
def atomic_write(path: str, mode: str = 'w') -> Iterator[IO]:
    """Open a file for writing that replaces ``path`` when it is complete.

    Args:
        path: The file to write; a present one stays until the new content is on disk.
        mode: ``'w'`` for text, ``'wb'`` for bytes. Defaults to text.
    """
    draft = f'{path}.tmp'
    try:
        with open(draft, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        if os.path.exists(draft):
            os.remove(draft)
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
