"""Errors raised by a dataset name the config field it came from."""

from types import SimpleNamespace

import pytest
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader

from gaia_ssl.engine.data import checked_dataloader, describe_images
from gaia_ssl.registry import DATASETS
from gaia_ssl.utils import UserError


@pytest.mark.parametrize('error', [AssertionError, RuntimeError])
def test_an_error_of_the_dataset_names_the_field(error):
    class Runner:
        @property
        def test_loop(self):
            raise error('999 folders')

    with pytest.raises(UserError, match='test_dataloader.dataset: 999 folders'):
        checked_dataloader(Runner(), 'test')


def test_too_few_images_for_a_batch():
    def runner(batch_size):
        loader = DataLoader([1, 2, 3], batch_size, drop_last=True)
        return SimpleNamespace(train_loop=SimpleNamespace(dataloader=loader))

    assert len(checked_dataloader(runner(3), 'train')) == 1
    with pytest.raises(UserError, match='train_dataloader: 3 images are fewer than one batch'):
        checked_dataloader(runner(4), 'train')


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
