"""Seed the model's random draws before every iteration."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from gaia_ssl.registry import HOOKS
from gaia_ssl.utils.seed import seed_generators

# tells the key of an iteration from that of a sample with the same numbers
STREAM = 1


@HOOKS.register_module()
class SeedHook(Hook):
    """Seeds the global generators before each iteration from (seed, iteration, rank).

    A model's draws, such as MoCo's shuffle, then do not depend on what ran before. The batch is
    loaded before that, so it makes no difference whether this process or workers load it.
    """

    priority = 'HIGHEST'

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        """Seed for this iteration."""
        seed_generators(STREAM, runner.seed, runner.iter, runner.rank)
