"""Cut a small class-balanced part out of Fashion-MNIST, in its own file format.

Usage: python tools/dataset_converters/fashion_mnist_part.py SRC OUT

``SRC`` holds the four original ``*-ubyte.gz`` files; ``OUT`` gets four of the same names.
The choice needs no seed: the first images of every class, kept in the order of the original.
"""

import argparse
import gzip
import struct
import sys
import zlib
from pathlib import Path

import numpy as np

NUM_CLASSES = 10
PER_CLASS = {'train': 500, 't10k': 100}


def read_idx(path):
    """Read a gzipped idx file of unsigned bytes.

    Args:
        path (str | Path): An ``.gz`` file in the idx format.

    Returns:
        np.ndarray: uint8, (N, H, W) for images and (N, ) for labels.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or something else.
    """
    packed = Path(path).read_bytes()
    try:
        data = gzip.decompress(packed)
        zero, kind, ndim = struct.unpack('>HBB', data[:4])
        shape = struct.unpack(f'>{ndim}I', data[4 : 4 + 4 * ndim])
        if zero != 0 or kind != 8:
            raise ValueError('other numbers')
        return np.frombuffer(data, np.uint8, offset=4 + 4 * ndim).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise ValueError(f'{path} is no whole idx file of unsigned bytes: {error}') from error


def write_idx(path, array):
    """Write uint8 ``array`` as a gzipped idx file, the same bytes every time."""
    head = struct.pack(f'>HBB{array.ndim}I', 0, 8, array.ndim, *array.shape)
    # mtime=0: gzip would otherwise store the time of writing
    Path(path).write_bytes(
        gzip.compress(head + array.astype(np.uint8).tobytes(), compresslevel=9, mtime=0)
    )


def choose(labels, per_class):
    """Indices of the first ``per_class`` items of every class, in ascending order.

    Args:
        labels (np.ndarray): (N, ), class of each item.
        per_class (int): How many to take of each class.

    Returns:
        np.ndarray: (NUM_CLASSES * per_class, ) indices.
    """
    picked = [np.flatnonzero(labels == c)[:per_class] for c in range(NUM_CLASSES)]
    if min(map(len, picked)) < per_class:
        raise ValueError(f'a class has fewer than {per_class} images')
    return np.sort(np.concatenate(picked))


def cut(src, out):
    """Write the part of the Fashion-MNIST in folder ``src`` to folder ``out``."""
    src, out = Path(src), Path(out)
    parts = {}
    for split, per_class in PER_CLASS.items():
        images = f'{split}-images-idx3-ubyte.gz'
        labels = f'{split}-labels-idx1-ubyte.gz'
        chosen = choose(read_idx(src / labels), per_class)
        parts |= {name: read_idx(src / name)[chosen] for name in (images, labels)}
    # all is read before anything is written
    out.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        write_idx(out / name, part)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('src', help='folder with the original *-ubyte.gz files')
    parser.add_argument('out', help='folder to write the part to')
    args = parser.parse_args()
    try:
        cut(args.src, args.out)
    except (OSError, ValueError, IndexError) as error:
        sys.exit(f'fashion_mnist_part: {error}')


if __name__ == '__main__':
    main()
