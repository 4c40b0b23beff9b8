"""Ending a training that has failed."""

import os.path as osp

import torch
from mmengine.dist import all_reduce, barrier
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from gaia_ssl.engine.checkpoint import ATOMIC
from gaia_ssl.engine.ddp import unwrap
from gaia_ssl.registry import HOOKS
from gaia_ssl.space import Arch
from gaia_ssl.utils import UserError

from .health import health_archs


@HOOKS.register_module()
class CollapseHook(Hook):
    """Stops a training whose loss is not finite, or whose embeddings have collapsed.

    Losses are read at intervals, of all iterations since, and before a checkpoint at the end of an
    epoch; embeddings are judged by what ``SubnetHealthHook`` found, where it runs. The state is
    saved as ``stopped-iterN.pth``, which ``--resume`` does not pick up by itself.

    Args:
        interval: Iterations between two checks; one that divides the interval of checkpoints by
            iteration keeps failed ones from being saved. Defaults to 50.
        min_std: Embeddings of a smaller ``relative_std`` are collapsed. Defaults to 0.01.
        patience: Consecutive checks of a subnet's health that must find it collapsed. Defaults
            to 5.
        begin: Iterations before embeddings are judged; some networks begin nearly collapsed.
            Defaults to 1000.

    Raises:
        UserError: If a setting is too small, and from the training when it is stopped.
    """

    priority = 'LOW'  # after the logger, before checkpoints

    def __init__(
        self, interval: int = 50, min_std: float = 0.01, patience: int = 5, begin: int = 1000
    ) -> None:
        for field, value in (('interval', interval), ('patience', patience)):
            if value < 1:
                raise UserError(f'CollapseHook.{field}: {value}; give 1 or more')
        self.interval = interval
        self.min_std = min_std
        self.patience = patience
        self.begin = begin
        self._recent = []

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Remember the losses, and look at them at intervals."""
        losses = {key: loss for key, loss in outputs.items() if key.startswith('loss')}
        self._recent.append((runner.iter, losses, unwrap(runner.model).sampled))
        if self.every_n_train_iters(runner, self.interval) or self.is_last_train_iter(runner):
            self._check(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Look at the rest of an epoch before its checkpoint is written."""
        self._check(runner)

    def _check(self, runner: Runner) -> None:
        """Raise if the training has failed, in every process alike."""
        recent, self._recent = self._recent, []
        if not recent:
            return
        failure = _lost(recent) or self._collapsed(runner)
        if failure is None:
            return
        done = recent[-1][0] + 1
        # not a name that resuming looks for
        name = f'stopped-iter{done}.pth'
        meta = dict(epoch=runner.epoch, iter=done)
        whole = dict(backend=ATOMIC)
        runner.save_checkpoint(runner.work_dir, name, meta=meta, backend_args=whole)
        # whoever ends first ends the others, too
        barrier()
        raise UserError(
            f'{failure}; stopped after {done} iterations, the state is in '
            f'{osp.join(runner.work_dir, name)}; resume from an earlier checkpoint with a lower '
            'learning rate or other settings'
        )

    def _collapsed(self, runner: Runner) -> str | None:
        """Which subnet's embeddings stayed collapsed."""
        hub = runner.message_hub
        iteration = hub.get_info('health_iter', -1)
        if iteration < self.begin:
            return None
        for label, arch in health_archs(unwrap(runner.model).backbone.space, iteration).items():
            recent = hub.get_scalar(f'train/embed_std_{label}').data[0][-self.patience :]
            # one that is not finite is no spread either
            if len(recent) == self.patience and not (recent >= self.min_std).any():
                return (
                    f'training: the embeddings of {label}, {arch}, have collapsed (embed_std '
                    f'{recent[-1]:.2g}, below {self.min_std:g} in {self.patience} checks)'
                )
        return None


def _lost(recent: list[tuple[int, dict[str, Tensor], dict[str, Arch]]]) -> str | None:
    """Whose loss was the first that is not finite, in any process."""
    values = torch.stack([loss for _, losses, _ in recent for loss in losses.values()])
    lost = (~values.isfinite()).int()
    all_reduce(lost, op='max')
    lost = iter(lost.tolist())
    for iteration, losses, archs in recent:
        keys = [key for key in losses if next(lost)]
        # the mean says no more than its parts
        labels = [key.removeprefix('loss_') for key in keys if key != 'loss'] or keys
        if labels:
            named = ', '.join(f'{label} {archs.get(label, "")}'.rstrip() for label in labels)
            return f'training: the loss of {named} is not finite at iteration {iteration + 1}'
    return None
