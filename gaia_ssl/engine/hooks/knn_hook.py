"""Log how well features of named subnets, such as MAX and MIN, tell classes during training."""

from collections.abc import Sequence

import torch
from mmengine.runner import Runner

from gaia_ssl.engine.ddp import supernet_of
from gaia_ssl.evaluation import FolderProbes
from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.registry import HOOKS
from gaia_ssl.utils import building

from .interval_hook import IntervalHook


@HOOKS.register_module()
class KNNHook(IntervalHook):
    """Logs the top-1 of anchors on labeled folders, in percent: ``knn_max``, ``linear_max``, ....

    It is that of kNN, and of a linear probe, of frozen features.

    The subnets are extracted and their batch norms calibrated, as they would be for use. The hook
    does not change the training.

    Args:
        train: Folder of the reference images, with one folder inside per class.
        val: Folder of the images to classify, with the same classes.
        interval: Epochs between two evaluations; the last epoch is always evaluated. Defaults
            to 10.
        by_epoch: Count the interval in epochs, not in iterations. Defaults to True.
        archs: Names of anchors. Defaults to MAX and MIN.
        kwargs: See ``FolderProbes``.

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
        """Check folders and archs before the training starts."""
        space = _backbone(runner).space
        self.subnets = {name.lower(): space.check(name) for name in self.archs}
        with building('KNNHook'):
            self.probes = FolderProbes(runner.cfg, **self.options)

    def evaluate(self, runner: Runner) -> None:
        """Extract the subnets and classify by their features."""
        backbone = _backbone(runner)
        # building a network draws random numbers, which the training's generator must not miss
        with torch.random.fork_rng(devices=[]):
            nets = {label: backbone.extract(arch) for label, arch in self.subnets.items()}
        for label, top1 in self.probes(nets).items():
            self.log(runner, **{f'{kind}_{label}': value for kind, value in top1._asdict().items()})
            runner.logger.info(
                f'top-1 of {label}: kNN {top1.knn:.2f} %, linear probe {top1.linear:.2f} %; always '
                f'the largest class: {self.probes.majority:.2f} %'
            )


def _backbone(runner: Runner) -> DynamicBackbone:
    return supernet_of(runner).student[0]
