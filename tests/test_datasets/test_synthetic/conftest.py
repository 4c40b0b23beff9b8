import gzip
import struct

import numpy as np
import pytest


@pytest.fixture
def write_idx():
    """Write uint8 arrays as gzipped idx files."""

    def write(path, array):
        head = struct.pack(f'>HBB{array.ndim}I', 0, 8, array.ndim, *array.shape)
        path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))

    return write
