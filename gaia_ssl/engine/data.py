"""Build a runner's dataloader, check that it has a batch, and describe its images."""

from typing import Literal

from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

from gaia_ssl.datasets.check import naming_dataset_errors
from gaia_ssl.datasets.readable import describe_bad
from gaia_ssl.datasets.training_images import training_images
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


def describe_images(dataset: Dataset) -> list[str]:
    """Describe the number of images of a dataset and where each part of it comes from.

    Args:
        dataset: The dataset; of wrappers such as ``ConcatDataset``, those inside count.

    Returns:
        A line per ``TrainingImages``, one more if it left out images, and one for the samples of an
        epoch.
    """
    parts = []
    for part in training_images(dataset):
        parts.append(f'{len(part)} images in {part.source}')
        if part.bad:
            parts.append(f'left out: {describe_bad(part.bad, len(part) + len(part.bad))}')
    return [*parts, f'{len(dataset)} images per epoch']  # type: ignore[arg-type] # it has a length
