"""Runs a small supernet, or a smaller net that is all noise, with some hooks."""

import importlib.util
import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset

import gaia_ssl.engine  # noqa: F401 - registers the hooks
from gaia_ssl.engine.options import merge_options
from gaia_ssl.engine.resumable import make_resumable
from gaia_ssl.engine.work_dir import WorkDir
from gaia_ssl.registry import DATASETS, HOOKS, MODELS

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


def make_runner(work_dir, hooks, epochs=2, method='MoCo', model_options=None, **options):
    """A Runner over 3 iterations of 8 images per epoch."""
    norms = dict(mean=[127.5] * 3, std=[64.0] * 3)
    config = dict(
        model=selfsup.supernet_config(method, data_preprocessor=norms, **(model_options or {})),
        work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=Views(selfsup.METHODS[method].views),
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


@MODELS.register_module()
class NoisyNet(BaseModel):
    """Dropout and batch norm: what it learns depends on every draw and on the order of data."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 4)
        )

    def forward(self, inputs, mode='tensor'):
        return dict(loss=(self.layers(inputs) - inputs).square().mean())


@DATASETS.register_module()
class NoisyPoints(Dataset):
    """Twenty points with noise on them; remembers which were loaded."""

    def __init__(self):
        self.loaded = []

    def __len__(self):
        return 20

    def __getitem__(self, index):
        self.loaded.append(index)
        return dict(inputs=torch.full((4,), index / 20.0) + torch.rand(4))


class Stopped(Exception):
    """The training was stopped."""


@HOOKS.register_module()
class StopHook(Hook):
    """Stops a training after so many iterations, checkpoint included."""

    priority = 'LOWEST'

    def __init__(self, at):
        self.at = at

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.at:
            raise Stopped


@pytest.fixture
def train(tmp_path):
    """Trains 15 iterations of 4 points, three epochs: ``train(work_dir, ...)`` -> runner."""
    number = itertools.count()

    def call(
        folder,
        resume=False,
        stop=None,
        by_epoch=True,
        save_by_epoch=True,
        interval=1,
        keep=-1,
        accumulate=1,
        seed=0,
        resumable=True,
        lr=0.1,
        hooks=(),
    ):
        config = Config(
            dict(
                model=dict(type='NoisyNet'),
                default_scope='gaia_ssl',
                work_dir=str(tmp_path / folder),
                experiment_name=f'{tmp_path.name}_{next(number)}',
                train_dataloader=dict(
                    batch_size=4,
                    num_workers=0,
                    sampler=dict(type='DefaultSampler' if by_epoch else 'InfiniteSampler'),
                    collate_fn=dict(type='default_collate'),
                    dataset=dict(type='NoisyPoints'),
                ),
                train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=3)
                if by_epoch
                else dict(type='IterBasedTrainLoop', max_iters=15),
                optim_wrapper=dict(
                    optimizer=dict(type='AdamW', lr=lr), accumulative_counts=accumulate
                ),
                param_scheduler=[dict(type='CosineAnnealingLR', T_max=3, by_epoch=by_epoch)],
                default_hooks=dict(
                    checkpoint=dict(
                        type='AtomicCheckpointHook',
                        interval=interval,
                        by_epoch=save_by_epoch,
                        max_keep_ckpts=keep,
                    )
                ),
                custom_hooks=[dict(type='StopHook', at=stop), *hooks],
                randomness=dict(seed=seed),
                resume=resume is True,
                log_level='ERROR',
            )
        )
        if resumable:
            make_resumable(config)
        merge_options(config, 'name')
        WorkDir(config, resume if isinstance(resume, str) else None)
        runner = Runner.from_cfg(config)
        call.runner = runner
        if stop is None:
            runner.train()
        else:
            with pytest.raises(Stopped):
                runner.train()
        return runner

    return call


def pytest_generate_tests(metafunc):
    """Run a test that takes ``method`` for every method."""
    if 'method' in metafunc.fixturenames:
        metafunc.parametrize('method', selfsup.METHODS)
