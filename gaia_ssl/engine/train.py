"""Train a supernet from a config."""

import os.path as osp

from mmengine.config import Config

from gaia_ssl.datasets.check import check_data
from gaia_ssl.utils import UserError
from gaia_ssl.utils.validation import arguments, check_keys

from .data import batch_sizes, checked_dataloader, describe_images
from .ddp import SupernetDistributedDataParallel, unwrap
from .doubts import doubts
from .options import merge_options
from .resumable import make_resumable
from .runner import CheckedRunner
from .sections import prepare_sections
from .work_dir import claim_work_dir

WRAPPER = 'gaia_ssl.SupernetDistributedDataParallel'
NEEDED = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper')


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
    prepare_sections(config, NEEDED)
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
    known = [*arguments(SupernetDistributedDataParallel), 'type']
    check_keys(wrapper, known, 'model_wrapper_cfg')
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
    if isinstance(last, int) and isinstance(schedulers, list):
        config.param_scheduler = [
            scheduler
            for scheduler in schedulers
            if not (scheduler.get('by_epoch', True) and _begins_late(scheduler, last))
        ]


def _begins_late(scheduler: dict, last: int) -> bool:
    begin = scheduler.get('begin', 0)
    return isinstance(begin, int) and begin >= last


def train(config: Config, resume: str | None = None) -> None:
    """Train by a prepared config.

    Args:
        config: The config.
        resume: See ``WorkDir``.

    Raises:
        UserError: If a setting does not fit what it builds, the model is not a supernet, batches
            are too few or too small, the work dir holds another training or one that is not to be
            resumed, another process is at work in it, or the checkpoint to resume from is another
            model's.
    """
    from gaia_ssl.models.selfsup import SupernetSelfSupervisor  # needs mmpretrain

    with claim_work_dir(config, resume) as work_dir:
        runner = CheckedRunner.from_cfg(config)
        model = unwrap(runner.model)
        if not isinstance(model, SupernetSelfSupervisor):
            raise UserError(
                f'model.type: {type(model).__name__} is not a self-supervised supernet; give one '
                'such as DynamicMoCo, or LiftedSupernet'
            )
        loader = checked_dataloader(runner, 'train')
        model.check_batches(batch_sizes(loader))
        for line in describe_images(loader.dataset):
            runner.logger.info(line)
        for line in doubts(model, loader):
            runner.logger.warning(line)
        work_dir.record(loader.dataset)
        runner.train()
