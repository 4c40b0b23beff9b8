"""Going on where a training stopped."""

from itertools import chain, repeat

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import Sampler

from gaia_ssl.datasets import SeededInfiniteSampler, SeededSampler
from gaia_ssl.engine.checkpoint import latest_checkpoint
from gaia_ssl.engine.ddp import unwrap
from gaia_ssl.registry import HOOKS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.weights import check_weights

PARTS = ('state_dict', 'optimizer', 'meta', 'message_hub')


@HOOKS.register_module()
class ResumeHook(Hook):
    """Makes a resumed training go on with the very batch that would have come next.

    It finds the checkpoint, refuses one that does not fit, and enters the data where they were
    left, also in the middle of an epoch, without loading what came before.
    """

    def __init__(self) -> None:
        self.data: dict[str, int] = {}  # where a checkpoint left them
        self.epoch_begin = 0  # the iterations before the current epoch

    def before_run(self, runner: Runner) -> None:
        """Choose the checkpoint to resume from, if none is named; without any, start anew."""
        if runner._resume and runner._load_from is None:
            runner._load_from = latest_checkpoint(runner.work_dir)
            runner._resume = runner._load_from is not None

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse what MMEngine would skip, and read where the data were left.

        Raises:
            UserError: If it is no training's checkpoint, or of another model.
        """
        if not runner._resume:
            return
        path = runner._load_from
        if not isinstance(checkpoint, dict) or any(part not in checkpoint for part in PARTS):
            raise UserError(f'--resume: {path} is not the checkpoint of a training')
        check_weights(
            unwrap(runner.model).state_dict(),
            checkpoint['state_dict'],
            f'--resume: {path} is of another model or space than the config',
            'give the config that trained it',
        )
        self.data = checkpoint['meta'].get('data', {})

    def before_train(self, runner: Runner) -> None:
        """Enter the data where the checkpoint left them, in its order."""
        loop, loader = runner.train_loop, runner.train_dataloader
        # with other batches, as of another number of processes, the epoch begins anew
        alike = self.data.get('batches') == _batches(runner)
        done = self.data.get('done', 0) if alike else 0
        self.epoch_begin = loop.iter - done
        if not self.data or not _is_seeded(loader.sampler):
            return
        loader.sampler.seed = self.data['seed']
        if isinstance(loader.sampler, SeededSampler):
            loader.sampler.start = done * loader.batch_size
        else:
            loader.sampler.start = loop.iter * loader.batch_size
            # the loop asks for the batches that came before as well; onedl's can be told not to
            asked = 0 if hasattr(loop, 'fast_forward_on_resume') else loop.iter
            loop.fast_forward_on_resume = True
            loop.dataloader_iterator = chain(repeat(None, asked), iter(loader))

    def after_train_epoch(self, runner: Runner) -> None:
        """The next epoch is a whole one."""
        self.epoch_begin = runner.iter
        runner.train_dataloader.sampler.start = 0

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the seed of the data, the batches of the epoch that are done, and all of them."""
        loader, meta = runner.train_dataloader, checkpoint['meta']
        if _is_seeded(loader.sampler):
            done = meta['iter'] - self.epoch_begin
            meta['data'] = dict(seed=loader.sampler.seed, done=done, batches=_batches(runner))


def _batches(runner: Runner) -> list[int]:
    """How many batches an epoch has, and how many images each, over all processes."""
    loader = runner.train_dataloader
    return [len(loader), loader.batch_size * runner.world_size]


def _is_seeded(sampler: Sampler) -> bool:
    return isinstance(sampler, SeededSampler | SeededInfiniteSampler)
