"""Training from a config."""

import os
import os.path as osp

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from gaia_ssl.utils import UserError
from gaia_ssl.utils.dist import init_dist

from .exact import make_exact

WRAPPER = 'gaia_ssl.SupernetDistributedDataParallel'


def prepare_config(
    config: Config,
    filename: str,
    work_dir: str | None = None,
    resume: str | None = None,
    amp: bool = False,
    auto_scale_lr: bool = False,
    launcher: str = 'none',
) -> Config:
    """Merge a training command's options into its config, and make it exact, in place.

    Args:
        config: The training config.
        filename: Its path, which names the default work dir.
        work_dir: Where logs and checkpoints go. Defaults to the config's, then to
            ``work_dirs/<name of the config>``.
        resume: ``'auto'`` for the work dir's latest checkpoint, or a checkpoint's path.
        amp: Train in mixed precision: fp16 on a GPU, bf16 on CPU.
        auto_scale_lr: Scale the learning rate to the actual batch size.
        launcher: What started the processes.

    Raises:
        UserError: If the data is not where the config says, the work dir cannot be written, the
            checkpoint to resume from does not exist, the learning rate has no base batch size to
            scale from, the supernet is to be compiled, or a wrapper does not fit.
    """
    _check_data(config)
    if config.get('compile'):
        raise UserError(
            'compile: a supernet would be compiled anew for each arch; take it out of the config '
            '(an extracted subnet can be compiled)'
        )
    wrapper = config.setdefault('model_wrapper_cfg', dict(type=WRAPPER))
    if wrapper.get('type') != WRAPPER:
        raise UserError(
            f'model_wrapper_cfg.type: {wrapper.get("type")!r} would train MAX alone; leave it out '
            f'or give {WRAPPER!r}'
        )
    on_gpu = torch.cuda.is_available()
    if not on_gpu and config.optim_wrapper.get('type') == 'AmpOptimWrapper':
        raise UserError(
            'optim_wrapper.type: AmpOptimWrapper needs a GPU; give OptimWrapper, and --amp for '
            'mixed precision on either'
        )
    config.launcher = launcher
    name = osp.splitext(osp.basename(filename))[0]
    config.work_dir = work_dir or config.get('work_dir') or osp.join('work_dirs', name)
    _check_writable(config.work_dir)
    if resume is not None:
        if resume != 'auto' and not osp.isfile(resume):
            raise UserError(f'--resume: {resume} does not exist')
        config.resume = True
        config.load_from = None if resume == 'auto' else resume
    if amp:
        config.optim_wrapper.type = 'AmpOptimWrapper' if on_gpu else 'gaia_ssl.CPUAmpOptimWrapper'
    if auto_scale_lr:
        if 'base_batch_size' not in config.get('auto_scale_lr', {}):
            raise UserError('auto_scale_lr.base_batch_size: missing from the config')
        config.auto_scale_lr.enable = True
    return make_exact(config)


def train(config: Config) -> None:
    """Train as a prepared config says.

    Raises:
        UserError: If there are too few images, or the checkpoint to resume from is another
            model's.
    """
    init_dist(config.launcher)
    runner = Runner.from_cfg(config)
    try:
        loader = runner.train_loop.dataloader
    except RuntimeError as error:  # a dataset's own complaint about its files
        raise UserError(f'train_dataloader.dataset: {error}') from error
    if not len(loader):
        raise UserError(
            f'train_dataloader: {len(loader.dataset)} images are fewer than one batch; give more, '
            'or a smaller batch_size'
        )
    runner.train()


def _check_writable(work_dir: str) -> None:
    try:
        os.makedirs(work_dir, exist_ok=True)
        probe = osp.join(work_dir, f'.writable_{os.getpid()}')
        open(probe, 'w').close()
        os.remove(probe)
    except OSError as error:
        raise UserError(
            f'--work-dir: {work_dir} cannot be written ({error.strerror}); choose another'
        ) from error


def _check_data(config: Config) -> None:
    """Name missing data before a dataset's own, deeper error does."""
    if 'train_dataloader' not in config:
        raise UserError(f'config: {config.filename} has no train_dataloader to train with')
    for dataset in _datasets(config.train_dataloader.dataset):
        root = dataset.get('data_root') or ''
        prefix = dataset.get('data_prefix') or ''
        images = osp.join(root, prefix.get('img_path', '') if isinstance(prefix, dict) else prefix)
        annotations = dataset.get('ann_file')
        if root and not osp.isdir(root):
            raise UserError(f'data_root: {root} does not exist; set train_dataloader.dataset')
        if not osp.isdir(images):
            raise UserError(f'data_prefix: {images} does not exist')
        if annotations and not osp.isfile(osp.join(root, annotations)):
            raise UserError(f'ann_file: {osp.join(root, annotations)} does not exist')
        if not annotations and not any(files for _, _, files in os.walk(images, followlinks=True)):
            raise UserError(f'data_prefix: there are no images in {images}')


def _datasets(dataset: dict) -> list[dict]:
    """The datasets inside of wrappers such as ``ConcatDataset``."""
    nested = dataset.get('datasets') or ([dataset.dataset] if 'dataset' in dataset else None)
    return [leaf for d in nested for leaf in _datasets(d)] if nested else [dataset]
