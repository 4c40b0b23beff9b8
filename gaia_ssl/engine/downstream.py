"""Train and test OpenMMLab projects' models whose backbone is a subnet."""

import os
import os.path as osp
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from gaia_ssl.datasets.annotations import CocoFiles, Names, check_annotations
from gaia_ssl.datasets.check import check_data
from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import load_checkpoint
from gaia_ssl.utils.cli import load_config
from gaia_ssl.utils.files import naming_file
from gaia_ssl.utils.templates import check_fits
from gaia_ssl.utils.weights import check_weights, read_weights

from .amp import CPUAmpOptimWrapper, check_half
from .data import checked_dataloader
from .ddp import unwrap
from .options import merge_options
from .parts import try_parts
from .runner import CheckedRunner
from .sections import prepare_sections
from .work_dir import claim_work_dir

WRAPPER = 'gaia_ssl.CPUDistributedDataParallel'
RESUME_HOOK = 'gaia_ssl.ResumeHook'
SUBNET = 'GAIA_SSL_SUBNET'
"""Environment variable that gives benchmark configs the folder of a subnet."""


def load_downstream_config(
    path: str, subnet: str | None = None, options: dict | None = None
) -> Config:
    """Load a config of a downstream task, sized by a subnet.

    Args:
        path: A config below ``configs/benchmarks``, or of a project.
        subnet: Folder of an extracted subnet. Defaults to what ``SUBNET`` names.
        options: Settings of the config to override.

    Raises:
        UserError: If config, subnet or options do not fit.
    """
    folder = subnet or os.environ.get(SUBNET)
    if folder:
        # a config that is itself below the folder's, by `_base_`, is looked for beside the config
        os.environ[SUBNET] = osp.abspath(osp.expanduser(folder))
        check_fits(os.environ[SUBNET], 'subnet')
    if subnet is None:
        return load_config(path, options)
    config = load_config(path, options)
    if SUBNET not in config.env_variables:
        raise UserError(f'subnet: {path} has its own backbone; leave it out')
    return config


def train_downstream(config: Config, name: str, resume: str | None = None, **options) -> None:
    """Train and evaluate as a config says.

    Args:
        config: A config of mmdet, mmseg or mmpretrain.
        name: Names the default work dir.
        resume: See ``WorkDir``.
        options: See ``merge_options``.

    Raises:
        UserError: If the data, the weights, the classes, a setting or an option do not fit, the
            work dir holds another training or one that is not to be resumed, or another process is
            at work in it.
    """
    field = 'train_dataloader'
    prepare_sections(config, ('model', field, 'train_cfg', 'optim_wrapper'))
    evaluated = ['val_dataloader'] if config.get('val_dataloader') else []
    files = _prepare(config, name, [field, *evaluated], options)
    config.custom_hooks = [*(config.get('custom_hooks') or []), dict(type=RESUME_HOOK)]
    with claim_work_dir(config, resume) as work_dir, naming_file(config.work_dir):
        files.use_completed(config.work_dir)
        runner = _start(config)
        loader = checked_dataloader(runner, 'train')
        _check_classes(config, loader, field)
        if evaluated:
            checked_dataloader(runner, 'val')
        work_dir.record(loader.dataset)
        runner.train()


def evaluate_downstream(config: Config, name: str, checkpoint: str, **options) -> dict[str, float]:
    """Evaluate a trained model as a config says.

    Args:
        config: A config of mmdet, mmseg or mmpretrain.
        name: Names the default work dir.
        checkpoint: Path of a checkpoint of its training.
        options: See ``merge_options``.

    Returns:
        The metrics.

    Raises:
        UserError: If the data, the checkpoint, the classes, a setting or an option do not fit.
    """
    field = 'test_dataloader'
    prepare_sections(config, ('model', field, 'test_cfg', 'test_evaluator'))
    config.load_from = checkpoint
    files = _prepare(config, name, [field], options, checkpoint)
    files.use_completed(config.work_dir)
    runner = _start(config)
    _check_classes(config, checked_dataloader(runner, 'test'), field)
    _check_weights(runner, checkpoint)
    with naming_file(config.work_dir):
        return runner.test()


def _prepare(
    config: Config,
    name: str,
    fields: list[str],
    options: dict[str, Any],
    checkpoint: str | None = None,
) -> CocoFiles:
    for field in fields:
        check_data(config, field)
    files = check_annotations(config, fields, _trained_names(checkpoint) if checkpoint else None)
    merge_options(config, name, **options)
    if config.launcher != 'none' and not torch.cuda.is_available():
        unused = config.get('find_unused_parameters', False)
        config.model_wrapper_cfg = dict(type=WRAPPER, find_unused_parameters=unused)
    return files


def _start(config: Config) -> Runner:
    """Build the runner, and try whether the parts of its model fit each other."""
    runner = CheckedRunner.from_cfg(config)
    model = unwrap(runner.model)
    if str(config.get('optim_wrapper', {}).get('type')).endswith(CPUAmpOptimWrapper.__name__):
        check_half(model)
    try_parts(model)
    return runner


def _check_classes(config: Config, loader: DataLoader, field: str) -> None:
    classes = getattr(loader.dataset, 'metainfo', {}).get('classes')
    if classes is None:
        return
    for name, number in _numbers_of_classes(config.model, 'model'):
        if number != len(classes):
            raise UserError(
                f'{name}: {number}, but the dataset of {field} has {len(classes)} classes; set '
                'either'
            )


def _trained_names(checkpoint: str) -> Names | None:
    """Read the names of the classes that MMEngine wrote into a checkpoint."""
    content = load_checkpoint(checkpoint, mmap=True)
    for key in ('meta', 'dataset_meta', 'classes'):
        content = content.get(key) if isinstance(content, dict) else None
    if not isinstance(content, list | tuple):
        return None
    return Names(f'the training of {checkpoint}', tuple(content))


def _check_weights(runner: Runner, checkpoint: str) -> None:
    """Refuse a checkpoint that MMEngine would load in part, with no more than a log line."""
    check_weights(
        unwrap(runner.model).state_dict(),
        read_weights(checkpoint),
        f'checkpoint: {checkpoint} is of another model',
        'give the config, the options and the subnet that trained it',
    )


def _numbers_of_classes(node: Any, name: str) -> Iterator[tuple[str, int]]:
    """Find the fields named ``num_classes`` in a model's config, and their values."""
    parts = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in parts:
        if key == 'num_classes' and isinstance(value, int):
            yield f'{name}.{key}', value
        elif isinstance(value, (dict, list, tuple)):
            yield from _numbers_of_classes(value, f'{name}.{key}')
