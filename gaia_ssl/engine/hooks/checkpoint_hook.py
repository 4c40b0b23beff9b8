"""Save checkpoints so that a killed process leaves no broken file."""

import os
import os.path as osp
from collections import deque
from collections.abc import Iterator
from glob import escape, glob

from mmengine.dist import all_reduce_params, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from torch import Tensor

from gaia_ssl.engine.checkpoint import ATOMIC
from gaia_ssl.engine.ddp import unwrap
from gaia_ssl.registry import HOOKS
from gaia_ssl.utils.files import atomic_write
from gaia_ssl.utils.openmmlab import resumed_from


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, safe against being killed at any moment.

    A checkpoint and ``last_checkpoint`` are written to temporary files and renamed; the oldest
    checkpoint is removed when the new one is complete. Gradients that gradient accumulation has
    not used yet are saved too.

    Args:
        backend_args: As in MMEngine's hook. Defaults to local files, written atomically.
        kwargs: See MMEngine's ``CheckpointHook``.
    """

    keep_ckpt_ids: deque[int]

    def __init__(self, *args, backend_args: dict | None = None, **kwargs) -> None:
        super().__init__(*args, backend_args=backend_args or dict(backend=ATOMIC), **kwargs)

    def before_train(self, runner: Runner) -> None:
        """Prepare as MMEngine's hook does, and remove half-written files of a killed run."""
        super().before_train(runner)
        if is_main_process():
            drafts = osp.join(escape(str(self.out_dir)), self.filename_tmpl.format('*') + '.tmp*')
            for draft in glob(drafts):
                os.remove(draft)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        outdated = []
        if self.max_keep_ckpts > 0:
            kept = list(dict.fromkeys([*self.keep_ckpt_ids, step]))
            # includes those removed below: after a kill, MMEngine removes them when resuming
            runner.message_hub.update_info('keep_ckpt_ids', kept)
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
            outdated = kept[: -self.max_keep_ckpts]
        if _accumulating(runner):
            # a checkpoint holds the gradients of one process, so all take the mean
            gradients = [gradient for _, gradient in _waiting(runner)]
            all_reduce_params(gradients, coalesce=True, bucket_size_mb=-1, op='mean')
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if not is_main_process():
            return
        with atomic_write(osp.join(runner.work_dir, 'last_checkpoint')) as file:
            file.write(self.last_ckpt)
        for step in outdated:
            path = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step))
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the accumulated gradients."""
        if _accumulating(runner):
            checkpoint['gradients'] = {name: grad.cpu() for name, grad in _waiting(runner)}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Restore the accumulated gradients, if the training is resumed."""
        gradients = checkpoint.get('gradients', {}) if resumed_from(runner) else {}
        for name, parameter in unwrap(runner.model).named_parameters():
            if name in gradients:
                parameter.grad = gradients[name].to(parameter.device)


def _accumulating(runner: Runner) -> bool:
    return not runner.optim_wrapper.should_update()


def _waiting(runner: Runner) -> Iterator[tuple[str, Tensor]]:
    """Yield the accumulated gradients by their parameters' names."""
    for name, parameter in unwrap(runner.model).named_parameters():
        if parameter.grad is not None:
            yield name, parameter.grad
