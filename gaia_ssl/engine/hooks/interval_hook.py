"""Base of hooks that evaluate a model at intervals."""

from abc import abstractmethod

from mmengine.hooks import Hook
from mmengine.runner import Runner

from gaia_ssl.utils import UserError


class IntervalHook(Hook):
    """Evaluates the model at intervals of epochs or iterations, and after the last.

    Args:
        interval: Epochs or iterations between two evaluations.
        by_epoch: Count the interval in epochs, not in iterations. Defaults to True.

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
    def evaluate(self, runner: Runner) -> None:
        """Evaluate the model without changing its training state."""

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Evaluate at intervals of iterations."""
        due = self.every_n_train_iters(runner, self.interval)
        if not self.by_epoch and (due or self.is_last_train_iter(runner)):
            self.evaluate(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Evaluate at intervals of epochs."""
        due = self.every_n_epochs(runner, self.interval)
        if self.by_epoch and (due or self.is_last_train_epoch(runner)):
            self.evaluate(runner)

    @staticmethod
    def log(runner: Runner, **values: float) -> None:
        """Log values as ``val/<name>``, in the visualizer as well."""
        for name, value in values.items():
            # logged here, because the log of an iteration would miss those after the last one
            runner.visualizer.add_scalar(f'val/{name}', value, step=runner.iter)
            runner.message_hub.update_scalar(f'val/{name}', value)
