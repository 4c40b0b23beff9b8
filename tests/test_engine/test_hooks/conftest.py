"""Runs a small supernet with some hooks."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.runner import Runner
from mmpretrain.structures import DataSample

path = Path(__file__).parents[2] / 'test_models' / 'test_selfsup' / 'conftest.py'
spec = importlib.util.spec_from_file_location('selfsup_conftest', path)
selfsup = importlib.util.module_from_spec(spec)
spec.loader.exec_module(selfsup)


class Views(torch.utils.data.Dataset):
    """Random views of a few images."""

    def __init__(self, views=2):
        self.views = views

    def __len__(self):
        return 24

    def __getitem__(self, index):
        views = torch.rand(self.views, 3, 16, 16, generator=torch.Generator().manual_seed(index))
        return dict(inputs=list(views * 255), data_samples=DataSample())


def make_runner(work_dir, hooks, epochs=2, method='MoCo', **options):
    """A Runner over 3 iterations of 8 images per epoch."""
    norms = dict(mean=[127.5] * 3, std=[64.0] * 3)
    config = dict(
        model=selfsup.supernet_config(method, data_preprocessor=norms),
        work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=Views(selfsup.views_of(method)),
            batch_size=8,
            sampler=dict(type='DefaultSampler', shuffle=True, seed=1),
            collate_fn=default_collate,
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9)),
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
        custom_hooks=hooks,
        default_scope='gaia_ssl',
        randomness=dict(seed=0),
        experiment_name=str(work_dir).replace('/', '_'),
        cfg=Config(dict(model=dict(data_preprocessor=norms), search=dict(input_size=16))),
    )
    return Runner(**{**config, **options})


@pytest.fixture
def training(tmp_path):
    """What tests of hooks share."""
    return SimpleNamespace(runner=make_runner, dir=tmp_path)
