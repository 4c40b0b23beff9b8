"""What looks at a model at intervals of its training."""

from abc import abstractmethod

from mmengine.hooks import Hook
from mmengine.runner import Runner

from gaia_ssl.utils import UserError


class IntervalHook(Hook):
    """Looks at the model every so many epochs or iterations, and after the last.

    Args:
        interval: Epochs or iterations between two looks.
        by_epoch: Whether the interval is in epochs, not in iterations. Defaults to True.

    Raises:
        UserError: If the interval is not positive.
    """

    priority = 'NORMAL'  # before the logger

    def __init__(self, interval: int, by_epoch: bool = True) -> None:
        if interval < 1:
            raise UserError(f'{type(self).__name__}.interval: {interval}; give 1 or more')
        self.interval = interval
        self.by_epoch = by_epoch

    @abstractmethod
    def look(self, runner: Runner) -> None:
        """Look at the model; its training must not notice."""

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Look at intervals of iterations."""
        due = self.every_n_train_iters(runner, self.interval)
        if not self.by_epoch and (due or self.is_last_train_iter(runner)):
            self.look(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Look at intervals of epochs."""
        due = self.every_n_epochs(runner, self.interval)
        if self.by_epoch and (due or self.is_last_train_epoch(runner)):
            self.look(runner)

    @staticmethod
    def log(runner: Runner, **values: float) -> None:
        """Log values as ``val/<name>``, in the visualizer as well."""
        for name, value in values.items():
            # not left to the log of the next iteration: after the last one there is none
            runner.visualizer.add_scalar(f'val/{name}', value, step=runner.iter)
            runner.message_hub.update_scalar(f'val/{name}', value)
