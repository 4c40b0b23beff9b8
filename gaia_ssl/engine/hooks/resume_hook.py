"""Resume a training at the batch where it stopped."""

import os.path as osp
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import Sampler

from gaia_ssl.datasets import SeededInfiniteSampler, SeededSampler
from gaia_ssl.engine.ddp import unwrap
from gaia_ssl.registry import HOOKS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.openmmlab import resumed_from, start_at_next_batch
from gaia_ssl.utils.weights import check_weights

PARTS = ('state_dict', 'optimizer', 'meta', 'message_hub')


@HOOKS.register_module()
class ResumeHook(Hook):
    """Resumes a training with the batch that would have come next.

    It refuses a checkpoint that does not fit, and starts the data where they stopped, also in the
    middle of an epoch, without loading the batches before.
    """

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}  # the position in the data, from the checkpoint
        self.epoch_begin = 0  # iterations before the current epoch

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse weights that MMEngine would skip, and read the position in the data.

        Raises:
            UserError: If it is not the checkpoint of a training, or is of another model.
        """
        path = resumed_from(runner)
        if path is None:
            return
        if not isinstance(checkpoint, dict) or not all(
            isinstance(checkpoint.get(part), dict) for part in PARTS
        ):
            raise UserError(f'resume: {path} is not the checkpoint of a training')
        check_weights(
            unwrap(runner.model).state_dict(),
            checkpoint['state_dict'],
            f'resume: {path} is of another model or space than the config',
            'give the config that trained it',
        )
        _move_paths(checkpoint['message_hub'].get('runtime_info', {}), osp.dirname(path))
        self.data = checkpoint['meta'].get('data', {})

    def before_train(self, runner: Runner) -> None:
        """Start the data at the checkpoint's position, in its order."""
        loop, loader = runner.train_loop, runner.train_dataloader
        self.epoch_begin = loop.iter
        if not self.data or not _is_seeded(loader.sampler):
            return
        # with other batches, as of another number of processes, the epoch starts again
        same = self.data.get('batches') == _batches(runner)
        done = self.data.get('done', 0) if same else 0
        self.epoch_begin = loop.iter - done
        loader.sampler.seed = self.data['seed']
        if isinstance(loader.sampler, SeededSampler):
            loader.sampler.start = done * loader.batch_size
        else:
            loader.sampler.start = loop.iter * loader.batch_size
            start_at_next_batch(loop, loader)

    def after_train_epoch(self, runner: Runner) -> None:
        """Let the next epoch start at its first batch."""
        self.epoch_begin = runner.iter
        runner.train_dataloader.sampler.start = 0

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the position in the data: their seed, the epoch's batches done and in all."""
        loader, meta = runner.train_dataloader, checkpoint['meta']
        if _is_seeded(loader.sampler):
            done = meta['iter'] - self.epoch_begin
            meta['data'] = dict(seed=loader.sampler.seed, done=done, batches=_batches(runner))


def _move_paths(info: dict[str, Any], folder: str) -> None:
    """Let the noted checkpoints be those in a folder, which may have been copied.

    MMEngine notes absolute paths, and removes the best checkpoint when a better one is saved.
    """
    for key, value in info.items():
        if key.startswith(('last_ckpt', 'best_ckpt')) and isinstance(value, str):
            info[key] = osp.join(folder, osp.basename(value))


def _batches(runner: Runner) -> list[int]:
    """Count the batches of an epoch, and the images of a batch over all processes."""
    loader = runner.train_dataloader
    return [len(loader), loader.batch_size * runner.world_size]


def _is_seeded(sampler: Sampler) -> bool:
    return isinstance(sampler, SeededSampler | SeededInfiniteSampler)
