"""Going on where a training stopped."""

from itertools import chain, repeat

from mmengine.dist import broadcast_object_list
from mmengine.hooks import Hook
from mmengine.runner import Runner

from gaia_ssl.datasets import SeededInfiniteSampler, SeededSampler
from gaia_ssl.engine.checkpoint import latest_checkpoint
from gaia_ssl.engine.ddp import unwrap
from gaia_ssl.registry import HOOKS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.weights import describe, differences

PARTS = ('state_dict', 'optimizer', 'meta', 'message_hub')


@HOOKS.register_module()
class ResumeHook(Hook):
    """Makes a resumed training go on with the very batch that would have come next.

    It finds the checkpoint, refuses one that does not fit, and enters the data where they were
    left, also in the middle of an epoch, without loading what came before.
    """

    def __init__(self) -> None:
        self.done = 0  # batches of the current epoch at the start of the run
        self.epoch_begin = 0  # the iteration before which the current epoch began

    def before_run(self, runner: Runner) -> None:
        """Choose the checkpoint to resume from, if none is named; without any, start anew."""
        if runner._resume and runner._load_from is None:
            runner._load_from = latest_checkpoint(runner.work_dir)
            runner._resume = runner._load_from is not None

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse what MMEngine would skip, and read how far the epoch was.

        Raises:
            UserError: If it is no training's checkpoint, or of another model.
        """
        if not runner._resume:
            return
        path = runner._load_from
        if not isinstance(checkpoint, dict) or any(part not in checkpoint for part in PARTS):
            raise UserError(f'--resume: {path} is not the checkpoint of a training')
        own = unwrap(runner.model).state_dict()
        if found := differences(own, checkpoint['state_dict']):
            raise UserError(
                f'--resume: {path} is of another model or space than the config: '
                f'{describe(found)}; give the config that trained it'
            )
        done, batches = checkpoint['meta'].get('epoch_progress', (0, 0))
        # with other batches, as of another number of processes, the epoch begins anew
        self.done = done if batches == len(runner.train_dataloader) else 0

    def before_train(self, runner: Runner) -> None:
        """Enter the data; their seed is the checkpoint's, wherever the config has none."""
        loop, loader = runner.train_loop, runner.train_dataloader
        self.epoch_begin = loop.iter - self.done
        seed = [runner.seed]
        broadcast_object_list(seed)
        if isinstance(loader.sampler, SeededInfiniteSampler):
            loader.sampler.seed = seed[0]
            loader.sampler.start = loop.iter * loader.batch_size
            # the loop asks for the batches before as well
            loop.dataloader_iterator = chain(repeat(None, loop.iter), iter(loader))
        elif isinstance(loader.sampler, SeededSampler):
            loader.sampler.seed = seed[0]
            loader.sampler.start = self.done * loader.batch_size

    def after_train_epoch(self, runner: Runner) -> None:
        """The next epoch is a whole one."""
        self.epoch_begin = runner.iter
        runner.train_dataloader.sampler.start = 0

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add how far the epoch is: its batches that are done, and all of them."""
        meta = checkpoint['meta']
        meta['epoch_progress'] = meta['iter'] - self.epoch_begin, len(runner.train_dataloader)
