"""Reader of the idx files of MNIST-like datasets."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from gaia_ssl.utils import UserError


def read_idx(path: str | Path) -> np.ndarray:
    """Read a gzipped idx file of unsigned bytes.

    Args:
        path: A ``.gz`` file in the idx format.

    Returns:
        uint8, (N, H, W) for images and (N,) for labels.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it is damaged or not an idx file of unsigned bytes.
    """
    packed = Path(path).read_bytes()
    try:
        data = gzip.decompress(packed)
        zero, kind, ndim = struct.unpack('>HBB', data[:4])
        shape = struct.unpack(f'>{ndim}I', data[4 : 4 + 4 * ndim])
        if zero != 0 or kind != 8:
            raise ValueError('its numbers are not unsigned bytes')
        return np.frombuffer(data, np.uint8, offset=4 + 4 * ndim).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise UserError(f'{path} is not a whole idx file of unsigned bytes: {error}') from error
