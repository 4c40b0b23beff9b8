"""The groups of images that share batch-norm statistics."""

import math
from typing import Any

from gaia_ssl.space import parse_quantity
from gaia_ssl.utils import UserError

LEAST_GROUP = 4  # so that no group, of any number of images from 2 on, has only one


def split_groups(num_images: int, bn_group: int) -> list[range]:
    """Split images into the fewest groups of at most ``bn_group``, of nearly equal sizes.

    Args:
        num_images: Images in the search set.
        bn_group: Most images in a group.

    Returns:
        The indices of the images of each group.

    Raises:
        UserError: If there are too few images, or groups would be too small for statistics.
    """
    if bn_group < LEAST_GROUP:
        raise UserError(
            f'bn_group: {bn_group} images are too few for batch-norm statistics; give '
            f'{LEAST_GROUP} or more'
        )
    if num_images < 2:
        raise UserError('images: 1 image is too few for batch-norm statistics; give more')
    number = math.ceil(num_images / bn_group)
    bounds = [num_images * i // number for i in range(number + 1)]
    return [range(*pair) for pair in zip(bounds, bounds[1:])]


def check_limits(micro_batch: int = 1, max_memory: str | float | None = None) -> dict[str, Any]:
    """What bounds the groups that run together, as plain numbers.

    Args:
        micro_batch: The number of groups. Defaults to 1.
        max_memory: Bytes, or a quantity such as ``'8G'``. Defaults to no bound.

    Raises:
        UserError: If one is no such number, or 0.
    """
    if not isinstance(micro_batch, int) or micro_batch < 1:
        raise UserError(f'micro_batch: {micro_batch!r} groups; give a whole number, 1 or more')
    if max_memory is not None:
        max_memory = parse_quantity(max_memory, 'max_memory')
        if not 0 < max_memory < math.inf:
            raise UserError(f'max_memory: {max_memory:g} bytes; give a quantity such as 8G')
    return dict(micro_batch=micro_batch, max_memory=max_memory)


def micro_batches(number: int, size: int) -> list[range]:
    """Consecutive groups that run together: ``number`` groups, ``size`` at a time."""
    return [range(i, min(i + size, number)) for i in range(0, number, size)]


def process_share(number: int, processes: int) -> list[range]:
    """Consecutive groups for each process: ``number`` groups in as many parts as processes.

    Raises:
        UserError: If there are fewer groups than processes.
    """
    if number < processes:
        raise UserError(
            f'bn_policy: calibrated statistics want a group of images or more in each of '
            f'{processes} processes, but there are {number}; start fewer or lower --bn-group'
        )
    bounds = [number * i // processes for i in range(processes + 1)]
    return [range(*pair) for pair in zip(bounds, bounds[1:])]
