"""How well the features of anchors classify, while they train."""

from collections.abc import Sequence

import torch
from mmengine.runner import Runner

from gaia_ssl.engine.ddp import unwrap
from gaia_ssl.evaluation import FolderKNN
from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.registry import HOOKS
from gaia_ssl.utils import UserError

from .interval import IntervalHook


@HOOKS.register_module()
class KNNHook(IntervalHook):
    """Logs the kNN top-1 of anchors on labeled folders, ``knn_max`` and so on, in percent.

    The subnets are extracted and their batch norms calibrated, so that they are judged as they
    would be used; the training is the same with the hook as without.

    Args:
        train: Folder of the images whose labels are known, one folder inside per class.
        val: Folder of the images to classify, with the same classes.
        interval: Epochs between two evaluations; one follows the last epoch in any case.
            Defaults to 10.
        by_epoch: Whether the interval is in epochs, not in iterations. Defaults to True.
        archs: Names of anchors. Defaults to MAX and MIN.
        kwargs: See ``FolderKNN``.

    Raises:
        UserError: If the interval is not positive.
    """

    def __init__(
        self,
        train: str,
        val: str,
        interval: int = 10,
        by_epoch: bool = True,
        archs: Sequence[str] = ('MAX', 'MIN'),
        **kwargs,
    ) -> None:
        super().__init__(interval, by_epoch)
        self.archs = archs
        self.options = dict(train=train, val=val, **kwargs)

    def before_train(self, runner: Runner) -> None:
        """Look at folders and archs before any time is spent."""
        space = _backbone(runner).space
        self.subnets = {name.lower(): space.check(name) for name in self.archs}
        try:
            self.knn = FolderKNN(runner.cfg, **self.options)
        except TypeError as error:
            raise UserError(f'KNNHook: {error}') from error

    def look(self, runner: Runner) -> None:
        """Extract the subnets and judge them."""
        backbone = _backbone(runner)
        # a new network draws initial weights, which must not be missed elsewhere
        with torch.random.fork_rng(devices=[]):
            nets = {label: backbone.extract(arch) for label, arch in self.subnets.items()}
        for label, top1 in self.knn(nets).items():
            self.log(runner, **{f'knn_{label}': top1})
            runner.logger.info(f'kNN top-1 of {label}: {top1:.2f} %')


def _backbone(runner: Runner) -> DynamicBackbone:
    return unwrap(runner.model).student[0]
