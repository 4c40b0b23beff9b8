"""Settings that are allowed, but seldom meant."""

from types import SimpleNamespace

import pytest
import torch

from gaia_ssl.datasets import SeededDataset
from gaia_ssl.engine.doubts import doubts
from gaia_ssl.space import get_space


class Views:
    """Images of one view size, which draw random numbers."""

    def __init__(self, number, side):
        self.number, self.side = number, side

    def __len__(self):
        return self.number

    def __getitem__(self, index):
        return dict(inputs=[torch.rand(3, self.side, self.side)] * 2)


def found(number=100, side=64, space='ar50to101', **options):
    backbone = SimpleNamespace(space=get_space(space))
    loader = SimpleNamespace(dataset=Views(number, side))
    return doubts(SimpleNamespace(student=(backbone, None), **options), loader)


def test_nothing_to_doubt():
    assert found() == [] and found(queue_len=64) == [] and found(queue_len=100) == []


def test_a_queue_longer_than_the_images():
    [line] = found(queue_len=4096)
    assert line.startswith('model.queue_len: the queue of 4096 holds each of the 100 images')
    assert line.endswith('give 50 or less')


@pytest.mark.parametrize('side, doubted', [(32, True), (33, False)])
def test_views_too_small_for_the_stride(side, doubted):
    lines = found(side=side)
    assert bool(lines) == doubted
    if doubted:
        assert 'stride 32, which leaves one position of a view of 32 x 32 pixels' in lines[0]
        assert "stem='3x3'" in lines[0]


def test_generators_stay_as_they_are():
    before = torch.get_rng_state()
    found()
    assert torch.equal(torch.get_rng_state(), before)


def test_samples_by_keys(monkeypatch):
    data = SeededDataset.__new__(SeededDataset)
    data.dataset = Views(9, 32)
    monkeypatch.setattr(SeededDataset, '__len__', lambda self: 9)
    backbone = SimpleNamespace(space=get_space('ar50to101'))
    model = SimpleNamespace(student=(backbone, None), queue_len=16)
    assert len(doubts(model, SimpleNamespace(dataset=data))) == 2
