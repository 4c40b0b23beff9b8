"""Fetch photographs and photographic cut-outs that are in packages of Debian.

Usage: python tools/dataset_converters/debian_photographs.py --out DIR [--packages DIR]

``DIR/photographs``
    121 photographs of animals, buildings and instruments, from ``gcompris-qt-data`` (44 MB), where
    they lie inside archives of Qt's resource system.
``DIR/cutouts/<category>``
    188 cut-outs in eight categories, from ``tuxpaint-stamps-default`` (161 MB).

The packages are downloaded with ``apt-get``, which needs no root, or taken from ``--packages``, and
unpacked with ``dpkg-deb``. Their images have free licences of their own, which the packages name.
``debian_photographs.json`` lists what of them is photographic. For scenes of these see
tools/dataset_converters/cutout_scenes.py.
"""

import argparse
import json
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.files import atomic_folder

LISTED = Path(__file__).with_suffix('.json')
PHOTOGRAPHS, CUTOUTS = 'gcompris-qt-data', 'tuxpaint-stamps-default'
DIRECTORY, COMPRESSED, ZSTANDARD = 2, 1, 4  # flags of an entry


class Resources:
    """The files of an archive of Qt's resource system (``.rcc``), by their paths.

    Args:
        content: The archive.

    Raises:
        ValueError: If it is no such archive.
    """

    def __init__(self, content: bytes) -> None:
        if content[:4] != b'qres':
            raise ValueError('no archive of Qt resources')
        self.content = content
        version, *offsets = struct.unpack_from('>4I', content, 4)
        self.tree, self.data, self.names = offsets
        self.entry = 14 if version == 1 else 22  # bytes

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Paths and contents; a file that is compressed by Zstandard is left out."""
        return self._walk(0, '')

    def _walk(self, number: int, path: str) -> Iterator[tuple[str, bytes]]:
        start = self.tree + number * self.entry
        name, flags = struct.unpack_from('>IH', self.content, start)
        if number:
            path = f'{path}/{self._name(name)}'
        if flags & DIRECTORY:
            count, first = struct.unpack_from('>II', self.content, start + 6)
            for child in range(first, first + count):
                yield from self._walk(child, path)
        elif not flags & ZSTANDARD:
            # after the country and the language
            (offset,) = struct.unpack_from('>I', self.content, start + 10)
            yield path.lstrip('/'), self._file(self.data + offset, flags)

    def _name(self, offset: int) -> str:
        (length,) = struct.unpack_from('>H', self.content, self.names + offset)
        begin = self.names + offset + 6  # after a hash
        return self.content[begin : begin + 2 * length].decode('utf-16-be')

    def _file(self, start: int, flags: int) -> bytes:
        (length,) = struct.unpack_from('>I', self.content, start)
        content = self.content[start + 4 : start + 4 + length]
        # the size comes first
        return zlib.decompress(content[4:]) if flags & COMPRESSED else content


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder.

    Raises:
        UserError: If it is not there or fails.
    """
    if shutil.which(command[0]) is None:
        raise UserError(f'{command[0]}: not found; this needs Debian, or a system derived from it')
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ['no output']
        raise UserError(f'{" ".join(command)} failed: {lines[-1]}')


def unpack(name: str, packages: Path, folder: Path) -> Path:
    """Unpack a package to a folder of its name, and return that.

    Raises:
        UserError: If it is not there or cannot be unpacked.
    """
    found = sorted(packages.glob(f'{name}_*.deb'))
    if not found:
        raise UserError(f'--packages: {packages} has no {name}_*.deb; download it, or leave it out')
    run(['dpkg-deb', '-x', str(found[-1].absolute()), name], folder)
    return folder / name


def collect(packages: Path, folder: Path, out: Path) -> dict[str, int]:
    """Write the photographs and the cut-outs of both packages.

    Args:
        packages: Folder of the two packages.
        folder: Where they are unpacked.
        out: Where the images go.

    Returns:
        The number of photographs, and of the cut-outs of each category.

    Raises:
        UserError: If a package, or an image of it that is listed, is not there.
    """
    listed = json.loads(LISTED.read_text())
    images: dict[str, bytes] = {}
    wanted = {f'{where}/{name}' for where, names in listed['photographs'].items() for name in names}
    for file in sorted(unpack(PHOTOGRAPHS, packages, folder).rglob('*.rcc')):
        for path, content in Resources(file.read_bytes()):
            name = path.removeprefix('gcompris/src/activities/').removesuffix('.webp')
            if name in wanted and path.endswith('.webp'):
                images[f'photographs/{name.replace("/", "_")}.webp'] = content
    if len(images) != len(wanted):
        missing = len(wanted) - len(images)
        raise UserError(f'{PHOTOGRAPHS}: {missing} listed photographs are not in it')
    stamps = unpack(CUTOUTS, packages, folder) / 'usr/share/tuxpaint/stamps'
    for category, names in listed['cutouts'].items():
        for name in names:
            path = stamps / f'{name}.png'
            if not path.is_file():
                raise UserError(f'{CUTOUTS}: {name}.png is not in it')
            images[f'cutouts/{category}/{name.replace("/", "_")}.png'] = path.read_bytes()
    for name, content in images.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
    return dict(photographs=len(wanted)) | {key: len(v) for key, v in listed['cutouts'].items()}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', type=Path, required=True, help='folder to make')
    parser.add_argument('--packages', type=Path, help='folder of the two packages, *.deb')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.out.exists():
        raise UserError(f'--out: {args.out} exists; choose another folder or remove it')
    with tempfile.TemporaryDirectory() as temporary, atomic_folder(args.out) as draft:
        folder = Path(temporary)
        if args.packages is None:
            run(['apt-get', 'download', PHOTOGRAPHS, CUTOUTS], folder)
        found = collect(args.packages or folder, folder, Path(draft))
    text = ', '.join(f'{number} {name}' for name, number in found.items())
    print(f'in {args.out}: {text}')


if __name__ == '__main__':
    run_cli(main)
