import threading

import pytest
import torch

from gaia_ssl.search import loading
from gaia_ssl.search.loading import BatchLoader

GROUPS = [range(0, 2), range(2, 5), range(5, 7)]


class Images:
    """Images that are their number, and a count of how often each was decoded."""

    def __init__(self):
        self.decoded, self.lock = [], threading.Lock()

    def __getitem__(self, index):
        with self.lock:
            self.decoded.append(index)
        return torch.full((3, 2, 2), float(index))


def numbers(batch):
    return batch[:, 0, 0, 0].tolist()


def test_batches_are_whole_groups_in_order_and_normalised():
    images = Images()
    loader = BatchLoader(images, GROUPS, lambda batch: batch + 100)
    assert list(map(numbers, loader([range(0, 2), range(2, 3)]))) == [
        [100, 101, 102, 103, 104],
        [105, 106],
    ]
    assert list(loader([])) == []


def test_the_next_batch_is_decoded_meanwhile_and_no_further():
    images = Images()
    batches = BatchLoader(images, GROUPS, lambda batch: batch)([range(i, i + 1) for i in range(3)])
    next(batches)
    assert set(images.decoded) <= {0, 1, 2, 3, 4}
    next(batches)
    assert {0, 1, 2, 3, 4} <= set(images.decoded)
    batches.close()


@pytest.mark.parametrize('kept, again', [(10**6, 0), (2 * 48, 5), (0, 7)])
def test_decoded_images_are_kept_as_far_as_memory_goes(monkeypatch, kept, again):
    monkeypatch.setattr(loading, 'KEPT_BYTES', kept)  # an image has 48 bytes
    images = Images()
    loader = BatchLoader(images, GROUPS, lambda batch: batch)
    batches = [range(i, i + 1) for i in range(3)]
    first = list(map(numbers, loader(batches)))
    assert sorted(images.decoded) == list(range(7))
    assert list(map(numbers, loader(batches))) == first
    assert len(images.decoded) == 7 + again


def test_an_image_that_cannot_be_decoded_ends_it():
    class Broken(Images):
        def __getitem__(self, index):
            raise OSError('broken')

    with pytest.raises(OSError, match='broken'):
        next(BatchLoader(Broken(), GROUPS, lambda batch: batch)([range(3)]))
