"""The views that a config trains on."""

import copy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from gaia_ssl.datasets.views import TrainingViews
from gaia_ssl.engine.resumable import make_resumable
from gaia_ssl.utils import UserError

CROP = dict(type='mmpretrain.RandomResizedCrop', scale=24)


@pytest.fixture
def config(tmp_path):
    """Trains on two views of four images of their own gray, with something bright to the left."""
    for index in range(4):
        pixels = np.full((40, 30 + index, 3), 20 * index, np.uint8)
        pixels[:, :15] = 200
        Image.fromarray(pixels).save(tmp_path / f'{index}.png')
    pipeline = [
        dict(type='LoadAnyImage'),
        dict(type='mmpretrain.MultiView', num_views=2, transforms=[[CROP]]),
        dict(type='mmpretrain.PackInputs'),
    ]
    dataset = dict(
        type='TrainingImages',
        data_prefix=str(tmp_path),
        pipeline=pipeline,
    )
    sampler = dict(type='DefaultSampler', shuffle=True)
    return Config(
        dict(
            default_scope='gaia_ssl',
            train_dataloader=dict(dataset=dataset, sampler=sampler),
            train_cfg=dict(max_epochs=1),
        )
    )


def test_views_are_the_trainings_and_random(config):
    views = list(TrainingViews(config))
    assert len(views) == 4
    for index, view in enumerate(views):
        assert view.shape == (3, 24, 24) and view.dtype == torch.uint8
        assert view.min() == 20 * index
    assert len({(view == 200).float().mean().item() for view in views}) == 4


def test_the_same_views_each_time_and_in_any_order(config):
    one, two = TrainingViews(config), TrainingViews(config)
    torch.rand(3)
    expected = [two[index] for index in (3, 1, 2, 0)]
    assert all(torch.equal(one[i], e) for i, e in zip((3, 1, 2, 0), expected, strict=True))


def test_draws_of_all_views(config):
    views = TrainingViews(config)
    first, again, other = views.sample(2), views.sample(2, draw=0), views.sample(2, draw=1)
    assert len(first['inputs']) == 2 and first['data_samples'].img_path.endswith('2.png')
    assert torch.equal(first['inputs'][0], views[2])
    for one, same, different in zip(first['inputs'], again['inputs'], other['inputs']):
        assert torch.equal(one, same) and not torch.equal(one, different)


def test_a_trainings_own_copy_of_its_config_is_as_good(config):
    exact = make_resumable(copy.deepcopy(config))
    assert exact.train_dataloader.dataset.type == 'gaia_ssl.SeededDataset'
    pairs = zip(TrainingViews(config), TrainingViews(exact), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_data_that_are_missing(config):
    config.train_dataloader.dataset.data_prefix = '/nowhere'
    with pytest.raises(UserError, match='^train_dataloader.dataset.data_prefix: /nowhere does not'):
        TrainingViews(config)


def test_a_datasets_own_complaint(config, tmp_path):
    (tmp_path / 'none' / 'class').mkdir(parents=True)
    (tmp_path / 'none' / 'class' / 'note.txt').touch()
    wrong = dict(
        type='mmpretrain.CustomDataset', data_prefix=str(tmp_path / 'none'), with_label=True
    )
    config.train_dataloader.dataset.update(wrong)
    with pytest.raises(UserError, match='train_dataloader.dataset: .*no'):
        TrainingViews(config)
