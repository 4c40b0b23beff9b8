"""What every distance is."""

import inspect
import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor

from gaia_ssl.registry import DISTANCES
from gaia_ssl.utils import UserError

TASKS = ('global', 'dense')
DEFAULTS = {'global': 'cosine', 'dense': 'mse'}


class Distance(ABC):
    """A distance between the features of a subnet and those of the teacher on the same images.

    It is registered as ``<task>_<name>`` and called with one batch-norm group at a time, so that
    N is the number of images in the group.

    Attributes:
        reads: What a feature is: ``'embedding'``, the neck's (N, D), or ``'map'``, a stage's
            (N, C, H, W), whose channels may differ between subnet and teacher.
        least_group: The fewest images of a group that it can tell anything from.
    """

    reads: ClassVar[str]
    least_group: ClassVar[int] = 1

    @abstractmethod
    def target(self, feature: Tensor) -> Tensor:
        """What subnets are compared with: computed once from the teacher's features."""

    @abstractmethod
    def __call__(self, feature: Tensor, target: Tensor) -> Tensor:
        """The distance of each image, (N,); lower is better, 0 or more."""


def distances_of(task: str) -> list[str]:
    """The names of a task's distances."""
    return sorted(
        name.removeprefix(f'{task}_')
        for name in DISTANCES.module_dict
        if name.startswith(f'{task}_')
    )


def options_of(name: str) -> list[str]:
    """The options that the distance registered as ``name`` takes."""
    return list(inspect.signature(DISTANCES.get(name)).parameters)


def build_distance(task: str, name: str | None = None, **options: Any) -> Distance:
    """A distance by its task and name.

    Args:
        task: ``'global'`` or ``'dense'``.
        name: One of ``distances_of(task)``. Defaults to the paper's: ``cosine`` for global and
            ``mse`` for dense.
        options: The distance's own, e.g. ``temperature``.

    Raises:
        UserError: If there is none, or it has no such option or refuses its value.
    """
    if task not in TASKS:
        raise UserError(f'task: {task!r} is not one of {", ".join(TASKS)}')
    name = name or DEFAULTS[task]
    if name not in distances_of(task):
        raise UserError(
            f'distance: {name!r} is unknown for task {task}; choose from '
            f'{", ".join(distances_of(task))}'
        )
    known = options_of(f'{task}_{name}')
    if unknown := sorted(set(options) - set(known)):
        raise UserError(
            f'distance: {name} of task {task} has no option {unknown[0]!r}; it has '
            f'{", ".join(known) or "none"}'
        )
    return DISTANCES.build(dict(type=f'{task}_{name}', **options))


def check_temperature(value: float) -> float:
    """The temperature of a softmax, if it can be one.

    Raises:
        UserError: If it is not a positive number.
    """
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise UserError(f'distance: temperature: {value!r} is not a positive number')
    return value
