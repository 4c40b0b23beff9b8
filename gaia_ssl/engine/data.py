"""Build a runner's dataloader, check its batches, and describe its images."""

from typing import Any, Literal

from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_world_size
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset, IterableDataset

from gaia_ssl.datasets import SeededDataset
from gaia_ssl.datasets.readable import describe_bad
from gaia_ssl.datasets.training_images import training_images
from gaia_ssl.utils import UserError, building
from gaia_ssl.utils.seed import keeping_generators

from .ddp import unwrap
from .runner import as_written


def checked_dataloader(runner: Runner, stage: Literal['train', 'val', 'test']) -> DataLoader:
    """Build the dataloader of a runner's loop, and check that it gives a batch.

    Two samples are loaded, joined and preprocessed, so that a pipeline that does not fit is named
    before the training starts. The generators stay as they are.

    Args:
        runner: The runner.
        stage: The loop.

    Raises:
        UserError: If the dataset has too few images, or the samples cannot be loaded; the line
            names the field of the config.
    """
    field = f'{stage}_dataloader'
    loader = getattr(runner, f'{stage}_loop').dataloader
    if not len(loader):
        raise UserError(
            f'{field}: {len(loader.dataset)} images are fewer than one batch; give more, '
            'or a smaller batch_size'
        )
    with keeping_generators():
        _try_samples(runner, loader, field)
    return loader


def _try_samples(runner: Runner, loader: DataLoader, field: str) -> None:
    model: Any = unwrap(runner.model)
    dataset: Any = loader.dataset
    if isinstance(dataset, SeededDataset):
        dataset = dataset.dataset  # of indices, not of keys
    if isinstance(dataset, IterableDataset):
        return
    settings = as_written(runner.cfg.get(field, {}))
    with building(f'{field}.dataset', settings.get('dataset')):
        samples = [dataset[index] for index in (0, len(dataset) - 1)]
    with building(f'{field}.collate_fn', settings.get('collate_fn')):
        batch = loader.collate_fn(samples[: loader.batch_size])
    with building('model.data_preprocessor'):
        model.data_preprocessor(batch, field == 'train_dataloader')


def batch_sizes(loader: DataLoader) -> list[int]:
    """Count the images of a whole batch, and of an epoch's last one, joined over all processes.

    Args:
        loader: The dataloader; its sampler gives the samples of this process.

    Returns:
        One number if all batches are whole; none if a batch sampler of the config makes them.
    """
    size = loader.batch_size
    if size is None:
        return []
    endless = isinstance(loader.sampler, InfiniteSampler)
    sampler: Any = loader.sampler
    rest = 0 if endless or loader.drop_last else len(sampler) % size
    return [images * get_world_size() for images in (size, rest) if images]


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
