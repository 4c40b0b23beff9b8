import gzip

import numpy as np
import pytest

from gaia_ssl.datasets.synthetic.fashion_scenes import DATA
from gaia_ssl.datasets.synthetic.idx import read_idx

PER_CLASS = {'train': 500, 't10k': 100}


def test_the_committed_part_is_small_and_licensed():
    assert sum(f.stat().st_size for f in DATA.iterdir()) < 3e6
    text = (DATA / 'LICENSE').read_text()
    assert 'Zalando' in text and 'Permission is hereby granted' in text
    assert 'first 500 training and the first 100 test images' in (DATA / 'README.md').read_text()


@pytest.mark.parametrize('split', PER_CLASS)
def test_the_committed_part_is_balanced(split):
    images = read_idx(DATA / f'{split}-images-idx3-ubyte.gz')
    labels = read_idx(DATA / f'{split}-labels-idx1-ubyte.gz')
    assert images.shape == (len(labels), 28, 28)
    assert np.bincount(labels).tolist() == [PER_CLASS[split]] * 10
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)


@pytest.mark.parametrize('shape', [(7,), (3, 4, 5)])
def test_what_is_written_is_read(write_idx, tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    write_idx(tmp_path / 'a.gz', array)
    assert np.array_equal(read_idx(tmp_path / 'a.gz'), array)


DAMAGED = {
    'not gzip': b'not gzip',
    'not idx': gzip.compress(b'PK'),
    'floats': gzip.compress(bytes([0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0])),
    'cut off': gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 9, 1])),
}


@pytest.mark.parametrize('content', DAMAGED.values(), ids=DAMAGED)
def test_damaged_files(tmp_path, content):
    (tmp_path / 'a.gz').write_bytes(content)
    with pytest.raises(ValueError, match='a.gz is not a whole idx file of unsigned bytes'):
        read_idx(tmp_path / 'a.gz')


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / 'a.gz')
