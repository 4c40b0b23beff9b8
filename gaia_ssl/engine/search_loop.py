"""A test loop that searches, so that ``Runner.test()`` is a search."""

import os.path as osp
from typing import Any

from mmengine.dist import is_main_process
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.engine.ddp import supernet_of
from gaia_ssl.registry import LOOPS
from gaia_ssl.search import Limits, Result, Search, SearchSettings
from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import data_digest
from gaia_ssl.utils.weights import weights_digest
from gaia_ssl.visualization import plot_search


@LOOPS.register_module()
class SubnetSearchLoop(BaseLoop):
    """Searches the supernet of a runner for the subnets that fit images, task and budget.

    In a config::

        test_dataloader = dict(
            batch_size=1,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='ImageSet', sources='data/mine', pipeline=[...]),
        )
        test_cfg = dict(type='SubnetSearchLoop', task='dense', budget=dict(flops=('3G', '4G')))
        test_evaluator = []  # the Runner requires one

    Args:
        runner: The runner.
        dataloader: Of ``ImageSet``; the search makes its own batches.
        evaluator: Not used.
        work_dir: Where the result goes. Defaults to ``search`` beside the runner's log.
        resume: Go on with the search that is there. Defaults to False.
        micro_batch, max_memory: See ``Limits``.
        kwargs: See ``SearchSettings.from_config``.

    Raises:
        UserError: If the images are others, or the search is not possible.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Any = None,
        work_dir: str | None = None,
        resume: bool = False,
        micro_batch: int = 1,
        max_memory: str | float | None = None,
        **kwargs,
    ) -> None:
        self.limits = Limits(micro_batch, max_memory)
        self.resume = resume
        super().__init__(runner, dataloader)
        self.images = self.dataloader.dataset
        if not isinstance(self.images, ImageSet):
            raise UserError(
                f'test_dataloader.dataset: {type(self.images).__name__}; a search takes ImageSet'
            )
        self.search = Search(supernet_of(runner), self.images, SearchSettings.from_config(kwargs))
        self.work_dir = work_dir or osp.join(runner.log_dir, 'search')

    def run(self) -> dict[str, float]:
        """Search.

        Returns:
            The distance of the best subnet, ``best_distance``.
        """
        self.runner.call_hook('before_test')
        result = run_search(self.runner, self.search, self.work_dir, self.limits, self.resume)
        metrics = dict(best_distance=result['subnets'][0]['distance'])
        self.runner.call_hook('after_test')
        return metrics


def run_search(
    runner: Runner, search: Search, work_dir: str, limits: Limits, resume: bool = False
) -> Result:
    """Search the supernet of a runner with the weights that it has now, and plot the result.

    Args:
        runner: The runner.
        search: A search of its model.
        work_dir: Folder of the result.
        limits: Limits of what runs at once.
        resume: Resume the search that the folder holds. Defaults to False.
    """
    search.weights_id = dict(
        weights_sha256=weights_digest(search.model),
        model_sha256=data_digest(runner.cfg.get('model', {})),
    )
    result = search.run(work_dir, resume, limits)
    if is_main_process():
        plot_search(result, osp.join(work_dir, 'distance.png'))
    return result
