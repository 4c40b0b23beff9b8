"""The randomness of the model."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from gaia_ssl.registry import HOOKS
from gaia_ssl.utils.seed import seed_generators

# keeps an iteration's randomness apart from that of a sample with the same numbers
STREAM = 1


@HOOKS.register_module()
class SeedHook(Hook):
    """Seeds the global generators before each iteration from (seed, iteration, rank).

    What a model draws, such as MoCo's shuffle, is then the same whatever ran before. The batch has
    been loaded by then, so loading in this process or in workers makes no difference either.
    """

    priority = 'HIGHEST'

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        """Seed for this iteration."""
        seed_generators(STREAM, runner.seed, runner.iter, runner.rank)
