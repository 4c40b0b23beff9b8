import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
from fashion_mnist_part import NUM_CLASSES, PER_CLASS, choose, cut, main, read_idx, write_idx

PART = Path(__file__).resolve().parents[3] / 'tools' / 'quickstart' / 'fashion_mnist'


def test_the_committed_part_is_small_and_licensed():
    assert sum(f.stat().st_size for f in PART.iterdir()) < 3e6
    text = (PART / 'LICENSE').read_text()
    assert 'Zalando' in text and 'Permission is hereby granted' in text
    assert 'first 500 training and the first 100 test images' in (PART / 'README.md').read_text()


@pytest.mark.parametrize('split', PER_CLASS)
def test_the_committed_part_is_balanced(split):
    images = read_idx(PART / f'{split}-images-idx3-ubyte.gz')
    labels = read_idx(PART / f'{split}-labels-idx1-ubyte.gz')
    assert images.shape == (len(labels), 28, 28)
    assert np.bincount(labels).tolist() == [PER_CLASS[split]] * NUM_CLASSES
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)


def test_choose_takes_the_first_of_every_class_in_order():
    labels = np.arange(40) % 10
    assert choose(labels, 2).tolist() == list(range(20))
    with pytest.raises(ValueError, match='fewer than 5'):
        choose(labels, 5)


def test_cut_gives_the_same_bytes_every_time(tmp_path):
    source = tmp_path / 'source'
    source.mkdir()
    rng = np.random.default_rng(0)
    for split, per_class in PER_CLASS.items():
        labels = rng.permutation(np.repeat(np.arange(10), per_class + 3)).astype(np.uint8)
        write_idx(source / f'{split}-labels-idx1-ubyte.gz', labels)
        images = rng.integers(0, 255, (len(labels), 28, 28), np.uint8)
        write_idx(source / f'{split}-images-idx3-ubyte.gz', images)
    for name in 'ab':
        cut(source, tmp_path / name)
    files = sorted(f.name for f in (tmp_path / 'a').iterdir())
    assert files == sorted(f.name for f in source.iterdir())
    for name in files:
        assert (tmp_path / 'a' / name).read_bytes() == (tmp_path / 'b' / name).read_bytes()
    assert len(read_idx(tmp_path / 'a' / 'train-images-idx3-ubyte.gz')) == 5000


def test_nothing_is_written_when_a_file_is_missing_or_damaged(tmp_path, monkeypatch):
    source, out = tmp_path / 'source', tmp_path / 'out'
    source.mkdir()
    monkeypatch.setattr(sys, 'argv', ['fashion_mnist_part.py', str(source), str(out)])
    with pytest.raises(SystemExit, match='fashion_mnist_part: .*train-labels'):
        main()
    (source / 'train-labels-idx1-ubyte.gz').write_bytes(gzip.compress(b'PK'))
    with pytest.raises(SystemExit, match='fashion_mnist_part: '):
        main()
    assert not out.exists()
