"""Stop a training that has diverged or collapsed."""

import os.path as osp

import torch
from mmengine.dist import all_reduce, barrier
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from gaia_ssl.engine.checkpoint import ATOMIC
from gaia_ssl.engine.ddp import supernet_of
from gaia_ssl.registry import HOOKS
from gaia_ssl.space import Arch
from gaia_ssl.utils import UserError

from .health_hook import health_archs


@HOOKS.register_module()
class CollapseHook(Hook):
    """Stops a training whose loss is not finite, or whose embeddings have collapsed.

    The losses of all iterations are checked at intervals, and at the end of an epoch before its
    checkpoint; embeddings are checked by the values of ``SubnetHealthHook``, if it is used. The
    state is saved as ``stopped-iterN.pth``, which resuming does not choose by itself.

    Args:
        interval: Iterations between two checks. If checkpoints are saved by iteration, choose a
            divisor of their interval, so that no failed one is saved. Defaults to 50.
        min_std: Embeddings with a smaller ``relative_std`` count as collapsed. Defaults to 0.01.
        patience: Consecutive health checks in which a subnet must be collapsed. Defaults to 5.
        begin: Iterations before embeddings are checked; some networks start nearly collapsed.
            Defaults to 1000.

    Raises:
        UserError: If a setting is too small; and in training, to stop it.
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
        self._recent: list[tuple[int, dict[str, Tensor], dict[str, Arch]]] = []

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Collect the losses, and check them at intervals."""
        losses = {k: loss for k, loss in (outputs or {}).items() if k.startswith('loss')}
        self._recent.append((runner.iter, losses, supernet_of(runner).sampled))
        if self.every_n_train_iters(runner, self.interval) or self.is_last_train_iter(runner):
            self._check(runner, runner.epoch)

    def after_train_epoch(self, runner: Runner) -> None:
        """Check the rest of an epoch before its checkpoint is written."""
        self._check(runner, runner.epoch + 1)

    def _check(self, runner: Runner, epoch: int) -> None:
        """Raise in every process if the training has failed after this number of epochs."""
        recent, self._recent = self._recent, []
        if not recent:
            return
        failure = _lost(recent) or self._collapsed(runner)
        if failure is None:
            return
        done = recent[-1][0] + 1
        # resuming does not look for this name
        name = f'stopped-iter{done}.pth'
        meta = dict(epoch=epoch, iter=done)
        whole = dict(backend=ATOMIC)
        runner.save_checkpoint(runner.work_dir, name, meta=meta, backend_args=whole)
        # the first process to exit would end the others, so wait for all
        barrier()
        raise UserError(
            f'{failure}; stopped after {done} iterations, the state is in '
            f'{osp.join(runner.work_dir, name)}; resume from an earlier checkpoint with a lower '
            'learning rate or other settings'
        )

    def _collapsed(self, runner: Runner) -> str | None:
        """Describe the subnet whose embeddings stayed collapsed, if there is one."""
        hub = runner.message_hub
        if 'health/iteration' not in hub.log_scalars:
            return None
        checked = hub.get_scalar('health/iteration').data[0][-self.patience :]
        if len(checked) < self.patience or checked[0] < self.begin:
            return None
        space = supernet_of(runner).backbone.space
        for label, arch in health_archs(space, int(checked[-1])).items():
            recent = hub.get_scalar(f'health/embed_std_{label}').data[0][-self.patience :]
            # written so that NaN counts as collapsed
            if not (recent >= self.min_std).any():
                return (
                    f'training: the embeddings of {label}, {arch}, have collapsed (embed_std '
                    f'{recent[-1]:.2g}, below {self.min_std:g} in {self.patience} checks)'
                )
        return None


def _lost(recent: list[tuple[int, dict[str, Tensor], dict[str, Arch]]]) -> str | None:
    """Describe the first loss that is not finite in any process, if there is one."""
    values = torch.stack([loss for _, losses, _ in recent for loss in losses.values()])
    flags = (~values.isfinite()).int()
    all_reduce(flags, op='max')
    lost = iter(flags.tolist())
    for iteration, losses, archs in recent:
        keys = [key for key in losses if next(lost)]
        # the mean is not finite if one of its parts is not
        labels = [key.removeprefix('loss_') for key in keys if key != 'loss'] or keys
        if labels:
            named = ', '.join(f'{label} {archs.get(label, "")}'.rstrip() for label in labels)
            return f'training: the loss of {named} is not finite at iteration {iteration + 1}'
    return None
