"""Give a resumed training the learning rates of its config instead of its checkpoint's."""

import warnings

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict, ReduceOnPlateauParamScheduler
from mmengine.runner import EpochBasedTrainLoop, Runner

from gaia_ssl.registry import HOOKS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.openmmlab import resumed_from


@HOOKS.register_module()
class ScheduleHook(Hook):
    """Sets rates, momenta and weight decays of a resumed training by its config.

    MMEngine restores them, and the schedules, from the checkpoint, whatever the config says. Here
    the optimizer keeps its state, such as its momentum buffers, and takes its settings from the
    config; the config's schedules run up to the iteration of the checkpoint. With an unchanged
    config that gives what the checkpoint holds.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Put the config's settings into the checkpoint before they are restored from it.

        Raises:
            UserError: If the config has other groups of parameters, or several optimizers.
        """
        if resumed_from(runner) is None:
            return
        if isinstance(runner.optim_wrapper, OptimWrapperDict):
            raise UserError(
                'optim_wrapper: a training with several optimizers cannot take new settings; give '
                '--resume without a checkpoint'
            )
        now, saved = runner.optim_wrapper.param_groups, checkpoint['optimizer']['param_groups']
        if [len(group['params']) for group in now] != [len(group['params']) for group in saved]:
            raise UserError(
                'optim_wrapper: it groups the parameters in another way than the training of '
                f'{resumed_from(runner)}; give its paramwise_cfg, or start a new training by '
                'load_from'
            )
        self._run_schedules(runner, **{k: checkpoint['meta'][k] for k in ('epoch', 'iter')})
        for group, old in zip(now, saved):
            old.update({key: value for key, value in group.items() if key != 'params'})
        schedulers = runner.param_schedulers or []
        checkpoint['param_schedulers'] = [scheduler.state_dict() for scheduler in schedulers]

    @staticmethod
    def _run_schedules(runner: Runner, epoch: int, iter: int) -> None:
        # one that waits for a metric begins anew
        schedulers = [
            scheduler
            for scheduler in runner.param_schedulers or []
            if not isinstance(scheduler, ReduceOnPlateauParamScheduler)
        ]
        by_epoch = [scheduler for scheduler in schedulers if scheduler.by_epoch]
        by_iteration = [scheduler for scheduler in schedulers if not scheduler.by_epoch]
        epochs = epoch if isinstance(runner.train_loop, EpochBasedTrainLoop) else 0
        length = len(runner.train_dataloader)
        with warnings.catch_warnings():
            # PyTorch's order of steps, of which there are none
            warnings.filterwarnings('ignore', 'Detected call of `scheduler.step')
            for _ in range(epochs):
                for scheduler in by_iteration * length:
                    scheduler.step()
                for scheduler in by_epoch:
                    scheduler.step()
            for scheduler in by_iteration * max(0, iter - epochs * length):
                scheduler.step()
