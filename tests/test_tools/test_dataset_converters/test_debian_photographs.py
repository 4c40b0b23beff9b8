"""Archives of Qt resources, and packages that hold the images which are listed."""

import json
import shutil
import struct
import subprocess
import zlib
from importlib.machinery import SourceFileLoader

import pytest

from gaia_ssl.utils.paths import TOOLS

SCRIPT = TOOLS / 'dataset_converters/debian_photographs.py'
tool = SourceFileLoader('debian_photographs', str(SCRIPT)).load_module()
LISTED = json.loads(tool.LISTED.read_text())
PREFIX = 'gcompris/src/activities'


def archive(files, version=2):
    """An archive of files by their paths, half of them compressed, as Qt's rcc writes them."""
    names, data, entries = b'', b'', []

    def named(name):
        nonlocal names
        offset = len(names)
        names += struct.pack('>HI', len(name), 0) + name.encode('utf-16-be')
        return offset

    def stored(content, compress):
        nonlocal data
        offset = len(data)
        if compress:
            content = struct.pack('>I', len(content)) + zlib.compress(content)
        data += struct.pack('>I', len(content)) + content
        return offset

    tree = {}
    for path, content in files.items():
        folder = tree
        *parents, last = path.split('/')
        for parent in parents:
            folder = folder.setdefault(parent, {})
        folder[last] = content
    waiting = [(0, tree)]
    entries.append(None)
    while waiting:
        place, folder = waiting.pop(0)
        first = len(entries)
        name = entries[place][0] if place else 0
        entries[place] = (name, struct.pack('>IHII', name, 2, len(folder), first))
        for number, (name, child) in enumerate(sorted(folder.items())):
            offset = named(name)
            if isinstance(child, dict):
                entries.append((offset, None))
                waiting.append((first + number, child))
            else:
                compress = len(child) % 2
                entry = struct.pack('>IHHHI', offset, compress, 0, 1, stored(child, compress))
                entries.append((offset, entry))
    tail = b'' if version == 1 else bytes(8)
    nodes = b''.join(entry + tail for _, entry in entries)
    start = 20
    head = struct.pack(
        '>4s4I', b'qres', version, start, start + len(nodes), start + len(nodes) + len(data)
    )
    return head + nodes + data + names


@pytest.mark.parametrize('version', [1, 2])
def test_resources(version):
    files = {'a/b/c.webp': b'odd', 'a/d.webp': b'even', 'e': b'', 'a/b/f': bytes(1001)}
    assert dict(tool.Resources(archive(files, version))) == files
    with pytest.raises(ValueError, match='no archive'):
        tool.Resources(b'PK')


@pytest.fixture
def packages(tmp_path):
    """Two packages with all that is listed."""
    made = tmp_path / 'packages'
    made.mkdir()
    photographs, stamps = {}, []
    for where, names in LISTED['photographs'].items():
        photographs |= {f'{PREFIX}/{where}/{name}.webp': name.encode() for name in names}
    photographs[f'{PREFIX}/erase/resource/drawing.webp'] = b'not listed'
    for names in LISTED['cutouts'].values():
        stamps += [f'{name}.png' for name in names]
    for name in (tool.PHOTOGRAPHS, tool.CUTOUTS):
        root = tmp_path / name
        (root / 'DEBIAN').mkdir(parents=True)
        control = (
            f'Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n'
        )
        (root / 'DEBIAN/control').write_text(control)
        share = root / 'usr/share'
        if name == tool.PHOTOGRAPHS:
            (share / 'gcompris-qt/rcc').mkdir(parents=True)
            (share / 'gcompris-qt/rcc/all.rcc').write_bytes(archive(photographs))
        else:
            for stamp in [*stamps, 'animals/cartoon.png']:
                path = share / 'tuxpaint/stamps' / stamp
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(stamp)
        subprocess.run(
            ['dpkg-deb', '-b', '-Znone', root, made / f'{name}_1_all.deb'], check=True, stdout=-3
        )
    return made


@pytest.mark.skipif(not shutil.which('dpkg-deb'), reason='builds packages of Debian')
def test_what_is_listed_is_written(packages, command, tmp_path):
    out = tmp_path / 'out'
    done = command(SCRIPT, '--packages', packages, '--out', out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f'in {out}: 121 photographs, 35 bird')
    found = {path.relative_to(out).as_posix() for path in out.rglob('*.*')}
    assert len(found) == 121 + 188
    assert (out / 'photographs/erase_resource_penguin.webp').read_text() == 'penguin'
    name = LISTED['cutouts']['bird'][0]
    cutout = out / 'cutouts/bird' / f'{name.replace("/", "_")}.png'
    assert cutout.read_text() == f'{name}.png'

    done = command(SCRIPT, '--packages', packages, '--out', out)
    assert done.returncode == 2 and f'error: --out: {out} exists' in done.stderr
    next(packages.glob('tuxpaint*')).unlink()
    done = command(SCRIPT, '--packages', packages, '--out', tmp_path / 'none')
    assert done.returncode == 2 and 'has no tuxpaint-stamps-default_*.deb' in done.stderr
    assert done.stderr.count('\n') == 1 and not (tmp_path / 'none').exists()
