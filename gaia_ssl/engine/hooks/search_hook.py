"""Search during training, to see whether the ranking of subnets has settled."""

import os.path as osp
from collections.abc import Sequence
from typing import Any

from mmengine.runner import Runner
from scipy.stats import spearmanr

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.engine.ddp import supernet_of
from gaia_ssl.engine.search_loop import run_search
from gaia_ssl.registry import HOOKS
from gaia_ssl.search import Limits, Search, SearchSettings

from .interval_hook import IntervalHook


@HOOKS.register_module()
class SubnetSearchHook(IntervalHook):
    """Searches at intervals and after the last epoch, to see whether the ranking has settled.

    Each search scores the same archs. Logged are ``val/search_best``, the smallest distance, and
    from the second search on ``val/search_spearman``, the rank correlation with the one before.
    The results are in ``search/epoch_3`` or ``search/iter_300`` beside the log. The training is
    the same with the hook as without.

    Args:
        images: Where unlabeled images are, see ``find_images``.
        interval: Epochs between two searches. Defaults to 10.
        by_epoch: Whether the interval is in epochs, not in iterations. Defaults to True.
        pipeline: Transforms of the images. Defaults to the config's ``search.pipeline``, then to
            resizing and cropping them.
        micro_batch, max_memory: See ``Limits``.
        kwargs: See ``SearchSettings.from_config``; a strategy must not depend on distances.
    """

    def __init__(
        self,
        images: str | Sequence[str],
        interval: int = 10,
        by_epoch: bool = True,
        pipeline: list[dict] | None = None,
        micro_batch: int = 1,
        max_memory: str | float | None = None,
        **kwargs,
    ) -> None:
        super().__init__(interval, by_epoch)
        self.sources = images
        self.pipeline = pipeline
        self.limits = Limits(micro_batch, max_memory)
        self.given: dict[str, Any] = kwargs
        self.before: dict[str, float] = {}

    def before_train(self, runner: Runner) -> None:
        """Check images and settings before the training starts."""
        defaults = SearchDefaults.of(runner.cfg, self.given.get('input_size'))
        settings = SearchSettings.from_config({**self.given, 'input_size': defaults.input_size})
        images = ImageSet(self.sources, self.pipeline or defaults.pipeline)
        self.search = Search(supernet_of(runner), images, settings)

    def evaluate(self, runner: Runner) -> None:
        """Search, and compare with the search before."""
        name = f'epoch_{runner.epoch + 1}' if self.by_epoch else f'iter_{runner.iter + 1}'
        work_dir = osp.join(runner.log_dir, 'search', name)
        result = run_search(runner, self.search, work_dir, self.limits)
        best = result['subnets'][0]
        distances = {str(row['arch']): row['distance'] for row in result['subnets']}
        values = dict(search_best=best['distance'])
        if self.before.keys() == distances.keys() and len(distances) > 1:
            pairs = [(self.before[arch], distance) for arch, distance in distances.items()]
            values['search_spearman'] = spearmanr(*zip(*pairs, strict=True)).statistic
        self.before = distances
        self.log(runner, **values)
        runner.logger.info(f'search: best of {len(distances)} subnets {best["arch"]}, {values}')
