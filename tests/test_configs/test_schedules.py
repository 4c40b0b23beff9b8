"""Schedules in ``configs/_base_/schedules`` follow the number of epochs that a config sets."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner

import gaia_ssl.models.selfsup  # noqa: F401 - mmpretrain's optimizers

PLACE = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'schedules'
# epochs of a warm-up that starts near zero
WARM_UP = dict(adamw_coslr=0, lars_coslr=10, sgd_coslr=0)
IMAGES = 3


class Net(BaseModel):
    """A parameter to schedule."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2, 2))

    def forward(self, inputs, mode='tensor'):
        return dict(loss=self.weight.sum())


class Rates(Hook):
    """The learning rate of each iteration."""

    def before_train(self, runner):
        self.seen = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.seen.append(runner.optim_wrapper.get_lr()['lr'][0])


def test_every_schedule_is_tried():
    assert {path.stem for path in PLACE.glob('*.py')} == WARM_UP.keys()


@pytest.mark.parametrize('name', WARM_UP)
def test_the_rate_falls_from_its_peak_to_the_end_of_training(tmp_path, name):
    config, epochs, warm_up = Config.fromfile(PLACE / f'{name}.py'), 14, WARM_UP[name]
    rates = Rates()
    Runner(
        model=Net(),
        work_dir=str(tmp_path),
        train_dataloader=dict(
            dataset=[dict(inputs=i) for i in range(IMAGES)],
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        train_cfg=dict(config.train_cfg, max_epochs=epochs),
        optim_wrapper=config.optim_wrapper,
        param_scheduler=config.param_scheduler,
        custom_hooks=[rates],
        experiment_name=name,
        default_scope='gaia_ssl',
    ).train()
    peak = config.optim_wrapper.optimizer.lr
    seen = torch.tensor(rates.seen)
    assert len(seen) == epochs * IMAGES
    start = warm_up * IMAGES
    assert seen[start].item() == pytest.approx(peak)
    assert (seen[:start].diff() > 0).all()
    falling = seen[start:].diff()
    assert (falling <= 0).all()
    # a cosine: by epoch or iteration, the last of n steps is at (1 + cos(pi (n - 1) / n)) / 2
    steps = len(seen[start:].unique())
    last = peak * (1 + torch.cos(torch.tensor(torch.pi * (steps - 1) / steps)).item()) / 2
    assert seen[-1].item() == pytest.approx(last, rel=1e-4)
