"""Dataloaders are checked before a run: their samples and batches."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader

from gaia_ssl.engine.data import batch_sizes, checked_dataloader, describe_images
from gaia_ssl.registry import DATASETS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.seed import seed_generators


@pytest.fixture
def runner():
    """Make what stands for a runner: ``runner(data, batch_size, preprocess)``."""

    def make(data, batch_size, preprocess=lambda batch, training: batch, **options):
        loader = DataLoader(data, batch_size, **options)
        model = SimpleNamespace(data_preprocessor=preprocess)
        return SimpleNamespace(
            train_loop=SimpleNamespace(dataloader=loader),
            test_loop=SimpleNamespace(dataloader=loader),
            model=model,
            cfg={},
        )

    return make


def test_too_few_images_for_a_batch(runner):
    assert len(checked_dataloader(runner([1, 2, 3], 3, drop_last=True), 'train')) == 1
    with pytest.raises(UserError, match='train_dataloader: 3 images are fewer than one batch'):
        checked_dataloader(runner([1, 2, 3], 4, drop_last=True), 'train')


class Random:
    """Samples that draw from all generators."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return random.random() + np.random.rand() + torch.rand(())


def test_samples_are_tried_without_a_trace(runner):
    seen = []
    made = runner(Random(), 2, lambda batch, training: seen.append((len(batch), training)))
    seed_generators(1)
    expected = [Random()[0] for _ in range(3)]
    seed_generators(1)
    checked_dataloader(made, 'train')
    assert [Random()[0] for _ in range(3)] == expected
    checked_dataloader(made, 'test')
    assert seen == [(2, True), (2, False)]


def test_samples_that_cannot_be_joined(runner):
    different = [torch.zeros(2), torch.zeros(2), torch.zeros(3)]
    with pytest.raises(UserError, match='^test_dataloader.collate_fn: its settings do not fit'):
        checked_dataloader(runner(different, 2), 'test')


@pytest.mark.parametrize('number', range(1, 12))
@pytest.mark.parametrize('drop_last', [True, False])
def test_sizes_of_batches(number, drop_last):
    loader = DataLoader(range(number), 3, drop_last=drop_last)
    assert set(map(len, loader)) == set(batch_sizes(loader)) - ({3} if number < 3 else set())
    endless = DataLoader(range(number), 3, sampler=InfiniteSampler(range(number)))
    assert batch_sizes(endless) == [3]
    assert batch_sizes(DataLoader(range(9), batch_sampler=[[0, 1]])) == []


def test_images_are_described(tmp_path):
    for name in ('a/1.jpg', 'a/2.jpg', 'b/1.jpg'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    part = dict(type='TrainingImages', data_root=str(tmp_path), pipeline=[])
    parts = [
        dict(part, data_prefix='a'),
        dict(type='RepeatDataset', times=2, dataset=dict(part, data_prefix='b')),
    ]
    joined = dict(type='ConcatDataset', datasets=parts)
    with DefaultScope.overwrite_default_scope('gaia_ssl'):
        dataset = DATASETS.build(dict(type='SeededDataset', dataset=joined))
    assert describe_images(dataset) == [
        f'2 images in {tmp_path}/a',
        f'1 images in {tmp_path}/b',
        '4 images per epoch',
    ]
    assert describe_images([1, 2]) == ['2 images per epoch']
