"""Build a runner's dataloader and check that it has a batch."""

from typing import Literal

from mmengine.runner import Runner
from torch.utils.data import DataLoader

from gaia_ssl.datasets.check import naming_dataset_errors
from gaia_ssl.utils import UserError


def checked_dataloader(runner: Runner, stage: Literal['train', 'test']) -> DataLoader:
    """Build the dataloader of a runner's loop, and check that it has a batch.

    Args:
        runner: The runner.
        stage: The loop.

    Raises:
        UserError: If the dataset rejects its files, or has too few; the line names the field of the
            config.
    """
    field = f'{stage}_dataloader'
    with naming_dataset_errors(field):
        loop = runner.train_loop if stage == 'train' else runner.test_loop
    if not len(loop.dataloader):
        raise UserError(
            f'{field}: {len(loop.dataloader.dataset)} images are fewer than one batch; give more, '
            'or a smaller batch_size'
        )
    return loop.dataloader
