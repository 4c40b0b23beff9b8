import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.datasets.readable import readable_images
from gaia_ssl.utils import UserError

WORKER = Path(__file__).parent / 'readable_worker.py'
ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location('readable_worker', WORKER)
worker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worker)


@pytest.fixture
def folder(tmp_path, save):
    """Twelve images, of which 02, 05 and 10 cannot be read."""
    for index in range(12):
        save(tmp_path / f'images/{index:02}.jpg', (64, 20 + index))
    (tmp_path / 'images/02.jpg').write_bytes(b'')
    (tmp_path / 'images/05.jpg').write_bytes(b'text')
    content = (tmp_path / 'images/10.jpg').read_bytes()
    (tmp_path / 'images/10.jpg').write_bytes(content[:-100])
    return tmp_path / 'images'


def test_the_bad_are_left_out_and_named(folder):
    images, digests, bad = readable_images(ImageSet(str(folder), []), 0.25)
    good = sorted({f'{index:02}.jpg' for index in range(12)} - {'02.jpg', '05.jpg', '10.jpg'})
    assert images.names == good
    assert digests == [hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in good]
    assert [(image.name, image.path) for image in bad] == [
        (name, str(folder / name)) for name in ('02.jpg', '05.jpg', '10.jpg')
    ]
    assert [image.reason for image in bad[:2]] == ['empty file', 'not an image']
    assert 'truncated' in bad[2].reason


def test_too_many(folder):
    images = ImageSet(str(folder), [])
    with pytest.raises(UserError, match=r'02.jpg cannot be read \(empty file\); repair or'):
        readable_images(images)
    message = (
        r'3 of 12 images \(25%\) cannot be read: .*02.jpg \(.*05.jpg \(.*10.jpg .* max_bad, 24%'
    )
    with pytest.raises(UserError, match=message) as caught:
        readable_images(images, 0.24)
    assert '\n' not in str(caught.value)
    with pytest.raises(UserError, match='bytes not processed.. and 2 more; that'):
        readable_images(images.select([0, 2, 5, 10, 2, 5]), 0.5)


@pytest.mark.parametrize('max_bad', [-0.1, 1, 2, float('nan')])
def test_what_is_no_share(folder, max_bad):
    with pytest.raises(UserError, match='max_bad: .* is not a share'):
        readable_images(ImageSet(str(folder), []), max_bad)


@pytest.fixture(scope='module')
def bad_and_good(tmp_path_factory):
    folder = tmp_path_factory.mktemp('two')
    (folder / 'bad.jpg').write_bytes(b'')
    Image.new('RGB', (2, 2)).save(folder / 'good.png')
    return ImageSet(str(folder), [])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 99))
@example(29, 71, 29)  # 0.29 * 100 < 29 in floating point
def test_the_share_is_exact(bad_and_good, bad, good, percent):
    mixed = bad_and_good.select([0] * bad + [1] * good)
    if bad and Fraction(bad, bad + good) > Fraction(percent, 100):
        with pytest.raises(UserError):
            readable_images(mixed, percent / 100)
    else:
        kept, digests, left_out = readable_images(mixed, percent / 100)
        assert (len(kept), len(digests), len(left_out)) == (good, good, bad)


@pytest.mark.slow
def test_every_process_comes_to_the_same(tmp_path, folder):
    calls = [
        [[str(folder)], 0.25],
        [[str(folder), str(folder / '..')], 0.5],
        [[str(folder)], 0.1],
        [[str(folder)], 0],
    ]
    alone = json.loads(json.dumps([worker.outcome(*call) for call in calls]))
    assert [type(result) for result in alone] == [list, list, str, str]
    done = subprocess.run(
        [sys.executable, WORKER, tmp_path, json.dumps(calls), '2', '3'],
        env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for world in (2, 3):
        for rank in range(world):
            assert json.loads((tmp_path / f'{rank}of{world}.json').read_text()) == alone
