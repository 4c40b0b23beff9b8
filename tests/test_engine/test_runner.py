"""What MMEngine builds from settings is guarded; the training itself is not."""

import pytest
import torch
import torch.nn as nn
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch.utils.data import BatchSampler, Dataset

from gaia_ssl.engine.hooks import ResumeHook
from gaia_ssl.engine.runner import CheckedRunner, as_written
from gaia_ssl.registry import DATASETS, HOOKS, MODELS
from gaia_ssl.utils import UserError


@DATASETS.register_module()
class SettingsPoints(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(inputs=torch.full((2,), float(index)))


@MODELS.register_module()
class SettingsNet(BaseModel):
    def __init__(self, normed=False):
        super().__init__()
        self.layer = nn.BatchNorm1d(2) if normed else nn.Linear(2, 2)

    def forward(self, inputs, mode='loss'):
        return dict(loss=self.layer(torch.stack(inputs)).sum())


@HOOKS.register_module()
class FailingHook(Hook):
    def __init__(self, at='before_train', error=KeyError):
        self.error = error
        setattr(self, at, self.fail)

    def fail(self, runner, **kwargs):
        raise self.error('width')


@pytest.fixture
def runner(tmp_path):
    def make(**sections):
        loader = dict(batch_size=2, sampler=dict(type='DefaultSampler'), dataset={})
        loader['dataset'] = dict(type='SettingsPoints')
        config = dict(
            model=dict(type='SettingsNet'),
            train_dataloader=loader,
            train_cfg=dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            work_dir=str(tmp_path),
            default_scope='gaia_ssl',
            experiment_name=tmp_path.name,
            log_level='ERROR',
        )
        return CheckedRunner(**{**config, **sections})

    return make


def test_trains(runner):
    made = runner(
        param_scheduler=[dict(type='LinearLR', end=1), dict(type='StepLR', step_size=1)],
        optim_wrapper=dict(
            optimizer=dict(type='SGD', lr=0.1), clip_grad=dict(type='value', clip_value=1)
        ),
    )
    made.train()
    assert made.iter == 2 and len(made.param_schedulers) == 2


def test_learning_rate_scales_to_the_batches_of_a_batch_sampler(runner):
    """As of mmdet's detectors; the dataloader itself then has no batch size."""
    made = runner(
        train_dataloader=dict(
            batch_size=2,
            sampler=dict(type='DefaultSampler'),
            batch_sampler=dict(type=BatchSampler, drop_last=False),
            dataset=dict(type='SettingsPoints'),
        ),
        auto_scale_lr=dict(enable=True, base_batch_size=16),
    )
    made.train()
    assert made.optim_wrapper.get_lr()['lr'] == [0.1 * 2 / 16]
    assert made.iter == 2


@pytest.mark.parametrize(
    'sections, message',
    [
        (dict(train_cfg=dict(by_epoch=False, max_iters='x')), 'train_cfg.max_iters: .x. is not'),
        (dict(train_cfg=dict(by_epoch=True, max_epochs=1, val_interval='x')), 'train_cfg.val_in'),
        (dict(param_scheduler=dict(type='StepLR')), 'param_scheduler: .*step_size'),
        (dict(custom_hooks=[dict(type='EMAHook', ema_type='No')]), 'default_hooks or custom_hooks'),
        (dict(custom_hooks=[dict(type='FailingHook')]), 'default_hooks or custom_hooks: .*width'),
        (dict(auto_scale_lr=dict(enable=True, base_batch_size='x')), 'auto_scale_lr: its settings'),
        (
            dict(train_dataloader=dict(dataset=dict(type='SettingsPoints'), batch_size=2)),
            "train_dataloader: its settings do not fit .KeyError: 'sampler'",
        ),
    ],
)
def test_a_setting_is_named_before_the_training(runner, sections, message):
    with pytest.raises(UserError, match=f'^{message}'):
        runner(**sections).train()


@pytest.mark.parametrize('at', ['before_train_iter', 'after_train_epoch'])
def test_what_fails_in_the_training_keeps_its_traceback(runner, at):
    with pytest.raises(KeyError, match='width'):
        runner(custom_hooks=[dict(type='FailingHook', at=at)]).train()


def test_a_line_of_a_hook_stays(runner):
    hooks = [dict(type='FailingHook', error=UserError)]
    with pytest.raises(UserError, match='^width$'):
        runner(custom_hooks=hooks).train()


def test_one_value_per_channel(runner):
    loader = dict(batch_size=1, sampler=dict(type='DefaultSampler'))
    loader['dataset'] = dict(type='SettingsPoints')
    made = runner(model=dict(type='SettingsNet', normed=True), train_dataloader=loader)
    with pytest.raises(UserError, match='^train_dataloader.batch_size: a batch norm has one value'):
        made.train()


def test_settings_as_a_user_wrote_them():
    inner = dict(type='TrainingImages')
    seeded = dict(batch_size=2, dataset=dict(type='gaia_ssl.SeededDataset', dataset=inner))
    assert as_written(seeded) == dict(batch_size=2, dataset=inner)
    assert as_written(dict(dataset=inner)) == dict(dataset=inner)


def test_a_bug_of_our_hook_keeps_its_traceback(runner, monkeypatch):
    """MMEngine raises another TypeError in its place, from a line of its own."""
    monkeypatch.setattr('gaia_ssl.engine.hooks.resume_hook._is_seeded', None)
    hook = ResumeHook()
    hook.data = dict(seed=0)
    with pytest.raises(TypeError, match="'NoneType' object is not callable") as caught:
        runner(custom_hooks=[hook]).train()
    assert caught.traceback[-1].path.name == 'resume_hook.py'
