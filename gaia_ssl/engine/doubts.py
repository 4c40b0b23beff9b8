"""Settings of a training that are allowed, but seldom meant."""

from typing import TYPE_CHECKING, Any

from torch.utils.data import DataLoader

from gaia_ssl.datasets import SeededDataset
from gaia_ssl.utils.seed import keeping_generators

if TYPE_CHECKING:  # it imports mmpretrain
    from gaia_ssl.models.selfsup.base import SupernetSelfSupervisor


def doubts(model: 'SupernetSelfSupervisor', loader: DataLoader) -> list[str]:
    """Name what will hardly train a useful supernet, and what to set instead.

    Args:
        model: The supernet.
        loader: The dataloader of its training. One sample is loaded; the generators stay as they
            are.

    Returns:
        A line for a queue that holds every image more than once, and for views of which the last
        stage leaves one position.
    """
    found = []
    dataset: Any = loader.dataset
    number, queue = len(dataset), getattr(model, 'queue_len', 0)
    if queue > number:
        found.append(
            f'model.queue_len: the queue of {queue} holds each of the {number} images more than '
            f'once, so that an image is compared with itself; give {number // 2} or less'
        )
    height, width = _view_size(dataset)
    space = model.student[0].space
    last = space.family.output_shapes(space.max, (height, width))[-1]
    if last.size == (1, 1):
        found.append(
            f'train_dataloader.dataset.pipeline: the last stage has stride {last.stride}, which '
            f'leaves one position of a view of {width} x {height} pixels; give larger views, or '
            "a backbone of smaller stride, such as stem='3x3'"
        )
    return found


def _view_size(dataset: Any) -> tuple[int, int]:
    """Height and width of the first view of an image."""
    if isinstance(dataset, SeededDataset):
        dataset = dataset.dataset  # of indices, not of keys
    with keeping_generators():
        views = dataset[0]['inputs']
    height, width = views[0].shape[-2:]
    return int(height), int(width)
