"""Merge command-line options into a training config."""

import os
import os.path as osp

import torch
from mmengine.config import Config

from gaia_ssl.utils import UserError


def merge_options(
    config: Config,
    name: str,
    work_dir: str | None = None,
    amp: bool = False,
    auto_scale_lr: bool = False,
    launcher: str = 'none',
) -> None:
    """Merge a command's options into its config, in place.

    Args:
        config: The config.
        name: Names the default work dir.
        work_dir: Where logs and checkpoints go. Defaults to the config's, then to
            ``work_dirs/<name>``.
        amp: Train in mixed precision: fp16 on a GPU, bf16 on CPU.
        auto_scale_lr: Scale the learning rate to the actual batch size.
        launcher: The launcher of the processes, as in MMEngine.

    Raises:
        UserError: If the work dir cannot be written, the learning rate has no base batch size to
            scale from, or the optimizer needs a GPU.
    """
    on_gpu = torch.cuda.is_available()
    if not on_gpu and config.optim_wrapper.get('type') == 'AmpOptimWrapper':
        raise UserError(
            'optim_wrapper.type: AmpOptimWrapper needs a GPU; give OptimWrapper, and amp=True '
            '(--amp) for mixed precision on either'
        )
    config.launcher = launcher
    config.work_dir = work_dir or config.get('work_dir') or osp.join('work_dirs', name)
    _check_writable(config.work_dir)
    if amp:
        config.optim_wrapper.type = 'AmpOptimWrapper' if on_gpu else 'gaia_ssl.CPUAmpOptimWrapper'
    if auto_scale_lr:
        if 'base_batch_size' not in config.get('auto_scale_lr', {}):
            raise UserError('auto_scale_lr.base_batch_size: missing from the config')
        config.auto_scale_lr.enable = True


def _check_writable(work_dir: str) -> None:
    try:
        os.makedirs(work_dir, exist_ok=True)
        probe = osp.join(work_dir, f'.writable_{os.getpid()}')
        open(probe, 'w').close()
        os.remove(probe)
    except OSError as error:
        raise UserError(
            f'work_dir: {work_dir} cannot be written ({error.strerror}); choose another'
        ) from error
