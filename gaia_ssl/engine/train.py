"""Train a supernet from a config."""

import os.path as osp

import torch.nn as nn
from mmengine.config import Config
from mmengine.runner import Runner

from gaia_ssl.datasets.check import check_data
from gaia_ssl.utils import UserError, building

from .data import checked_dataloader, describe_images
from .options import merge_options
from .resumable import make_resumable
from .work_dir import claim_work_dir

WRAPPER = 'gaia_ssl.SupernetDistributedDataParallel'
NEEDED = dict(model=dict, train_dataloader=dict, train_cfg=dict, optim_wrapper=dict)
OPTIONAL = dict(auto_scale_lr=dict, custom_hooks=list, model_wrapper_cfg=dict)


def prepare_config(config: Config, filename: str, **options) -> Config:
    """Merge a training command's options into its config, and make it resumable, in place.

    Args:
        config: The training config.
        filename: Its path, which names the default work dir.
        options: See ``merge_options``.

    Raises:
        UserError: If a section is missing or of the wrong type, the data is not where the config
            says, an option does not fit, or the config asks for compilation or another wrapper.
    """
    _check_sections(config)
    check_data(config, 'train_dataloader')
    if config.get('compile'):
        raise UserError(
            'compile: a supernet would be compiled again for each arch; remove it from the config '
            '(an extracted subnet can be compiled)'
        )
    wrapper = config.setdefault('model_wrapper_cfg', dict(type=WRAPPER))
    if wrapper.get('type') not in (WRAPPER, WRAPPER.removeprefix('gaia_ssl.')):
        raise UserError(
            f'model_wrapper_cfg.type: {wrapper.get("type")!r} would train MAX alone; leave it out '
            f'or give {WRAPPER!r}'
        )
    wrapper['type'] = WRAPPER  # whatever the default scope
    merge_options(config, osp.splitext(osp.basename(filename))[0], **options)
    _leave_out_late_schedulers(config)
    _add_teacher_hook(config)
    return make_resumable(config)


def _add_teacher_hook(config: Config) -> None:
    """Add the hook that prepares a frozen teacher, where there is one."""
    hooks = config.get('custom_hooks') or []
    present = any(str(hook.get('type')).endswith('TeacherHook') for hook in hooks)
    if config.model.get('teacher') and not present:
        config.custom_hooks = [*hooks, dict(type='gaia_ssl.TeacherHook')]


def _leave_out_late_schedulers(config: Config) -> None:
    """Leave out schedulers that begin after the last epoch, as in a training that ends in warm-up.

    MMEngine takes the last epoch for the end of a scheduler that names none, and refuses one that
    ends before it begins.
    """
    last, schedulers = config.train_cfg.get('max_epochs'), config.get('param_scheduler')
    if last is not None and isinstance(schedulers, list):
        config.param_scheduler = [
            scheduler
            for scheduler in schedulers
            if not scheduler.get('by_epoch', True) or scheduler.get('begin', 0) < last
        ]


def _check_sections(config: Config) -> None:
    for name, kind in {**NEEDED, **OPTIONAL}.items():
        if config.get(name) is None:
            config.pop(name, None)  # MMEngine's way to leave a section out
        if name in NEEDED and name not in config:
            raise UserError(f'{name}: missing from {config.filename}; a training needs it')
        if not isinstance(config.get(name, kind()), kind):
            raise UserError(f'{name}: {config.filename} has no {kind.__name__} there; give one')


class SupernetRunner(Runner):
    """MMEngine's runner, with one line for a model whose settings do not fit."""

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        """Build the model.

        Raises:
            UserError: If its settings do not fit.
        """
        with building('model'):
            return super().build_model(model)


def train(config: Config, resume: str | None = None) -> None:
    """Train by a prepared config.

    Args:
        config: The config.
        resume: See ``WorkDir``.

    Raises:
        UserError: If the model cannot be built, there are too few images, the work dir holds
            another training or one that is not to be resumed, another process is at work in it,
            or the checkpoint to resume from is another model's.
    """
    with claim_work_dir(config, resume) as work_dir:
        runner = SupernetRunner.from_cfg(config)
        loader = checked_dataloader(runner, 'train')
        for line in describe_images(loader.dataset):
            runner.logger.info(line)
        work_dir.record(loader.dataset)
        runner.train()
