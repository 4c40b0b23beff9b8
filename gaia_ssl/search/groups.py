"""Split images into groups that share batch-norm statistics, and choose how many run at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gaia_ssl.utils import UserError

LEAST_GROUP = 4  # then no group has fewer than 2 images, however many images there are from 2 on
# bytes for features that wait to be run with others, where no bound is given
ROOM = 512 * 2**20


def check_bn_group(bn_group: int) -> None:
    """Check the largest size of a group.

    Raises:
        UserError: If groups would be too small for statistics.
    """
    if bn_group < LEAST_GROUP:
        raise UserError(
            f'bn_group: {bn_group} images are too few for batch-norm statistics; give '
            f'{LEAST_GROUP} or more'
        )


def split_groups(num_images: int, bn_group: int, statistics: bool = True) -> list[range]:
    """Split images into the fewest groups of at most ``bn_group``, of nearly equal sizes.

    Args:
        num_images: Images in the search set.
        bn_group: Most images in a group.
        statistics: Groups share batch-norm statistics. Where a network has no batch norms they only
            say what runs at once. Defaults to True.

    Returns:
        The indices of the images of each group.

    Raises:
        UserError: If there are too few images, or groups would be too small for statistics.
    """
    check_bn_group(bn_group)
    if statistics and num_images < 2:
        raise UserError('images: 1 image is too few for batch-norm statistics; give more')
    number = math.ceil(num_images / bn_group)
    bounds = [num_images * i // number for i in range(number + 1)]
    return [range(*pair) for pair in zip(bounds, bounds[1:])]


@dataclass(frozen=True)
class Batches:
    """The groups that run at once.

    Attributes:
        batches: Consecutive groups, by their numbers.
        room: Bytes for features that wait, beside what the largest batch needs.
    """

    batches: list[range]
    room: float


def plan_batches(
    sizes: Sequence[int], need: int, micro_batch: int, max_memory: float | None
) -> Batches:
    """Plan the batches of a search by the statistics of groups.

    Args:
        sizes: Images in each group.
        need: Bytes of activations that one image needs.
        micro_batch: Groups that run at once if ``max_memory`` is not given.
        max_memory: Most bytes of activations; as many groups run at once as fit.

    Raises:
        UserError: If ``max_memory`` is too small for one group.
    """
    largest = max(sizes)
    if max_memory is None:
        return Batches(micro_batches(len(sizes), micro_batch), ROOM)
    _check_memory(
        max_memory,
        need * largest,
        f'a group of {largest} images runs at once; lower bn_group',
    )
    batches = micro_batches(len(sizes), int(max_memory // (need * largest)))
    return Batches(batches, max_memory - need * _most_images(sizes, batches))


def plan_shares(
    sizes: Sequence[int], need: int, max_memory: float | None, processes: int
) -> Batches:
    """Plan the batches of a search by calibrated statistics: one for each process.

    Args:
        sizes: Images in each group.
        need: Bytes of activations that one image needs.
        max_memory: Most bytes of activations of a process; None for no bound.
        processes: The number of processes.

    Raises:
        UserError: If ``max_memory`` is too small, or there are fewer groups than processes.
    """
    batches = process_share(len(sizes), processes)
    largest = _most_images(sizes, batches)
    if max_memory is not None:
        _check_memory(
            max_memory,
            need * largest,
            f'calibrated statistics take all {largest} images of a process at once',
        )
    # no room: all processes run the same steps in the same order, to meet in their norms
    return Batches(batches, 0)


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
            f'bn_policy: calibrated statistics need a group of images or more in each of '
            f'{processes} processes, but there are {number}; start fewer or lower bn_group'
        )
    bounds = [number * i // processes for i in range(processes + 1)]
    return [range(*pair) for pair in zip(bounds, bounds[1:])]


def _most_images(sizes: Sequence[int], batches: Sequence[range]) -> int:
    return max(sum(sizes[group] for group in batch) for batch in batches)


def _check_memory(max_memory: float, need: int, advice: str) -> None:
    if need > max_memory:
        raise UserError(
            f'max_memory: {max_memory / 2**30:.3g} GiB are too few for {need / 2**30:.3g} GiB of '
            f'activations: {advice}'
        )
