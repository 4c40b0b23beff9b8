"""The base class of distances, and building one by its task and name."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from torch import Tensor

from gaia_ssl.registry import DISTANCES
from gaia_ssl.space.families import Size
from gaia_ssl.utils import UserError

TASKS = ('global', 'dense')
"""The kinds of downstream tasks that a search can be for."""

DEFAULTS = {'global': 'cosine', 'dense': 'mse'}
"""The default distance of each task."""


class Option(NamedTuple):
    """A keyword argument of a distance, as a command line offers it.

    Attributes:
        type: Converts the text of the command line to its value.
        help: Its description, with its default.
    """

    type: Callable[[str], Any]
    help: str


class Score(ABC):
    """A score of a subnet's features, or of their relation to the teacher's; lower is better.

    A subclass is a ``Distance`` or a ``WholeSetScore``. It is registered in ``DISTANCES`` as
    ``<task>_<name>``. Calls must not modify their inputs.

    Attributes:
        task: ``'global'``, about whole images, at the last stage; or ``'dense'``, about the
            positions of feature maps, at stages of the user's choice. The maps of a dense
            score have two positions or more.
        reads: The kind of feature: ``'embedding'``, the neck's (N, D), or ``'map'``, a stage's
            (N, C, H, W), whose channels may differ between subnet and teacher.
        options: The keyword arguments of its constructor.
    """

    task: ClassVar[str]
    reads: ClassVar[str]
    options: ClassVar[dict[str, Option]] = {}

    @abstractmethod
    def target(self, feature: Tensor) -> Tensor:
        """Compute what subnets are compared with from the teacher's features of a group; once."""

    @abstractmethod
    def target_bytes(self, channels: int, size: Size) -> int:
        """Bytes of one image's target, which stays in memory while subnets are scored.

        Args:
            channels: The channels of the teacher's map; an embedding is made from this map, too.
            size: Height and width of the map.
        """

    @abstractmethod
    def working_bytes(self, channels: int, size: Size) -> int:
        """The most bytes that a call holds at a time for one image, beside two copies of the map.

        Args:
            channels: The channels of the subnet's map; an embedding is made from this map, too.
            size: Height and width of the map.
        """


class Distance(Score):
    """A distance between the features of a subnet and those of the teacher on the same images.

    It is called with one batch-norm group at a time, so that N is the number of images in the
    group. Gradients flow back to ``feature``, so that a network can be trained by the distance.

    Attributes:
        takes_queue: Whether ``target`` and the call take a further argument ``queue``: unit
            vectors of images, (D, K), which replace the other images of the group.
        least_group: The smallest number of images in a group for which it is defined.
    """

    takes_queue: ClassVar[bool] = False
    least_group: ClassVar[int] = 1

    @abstractmethod
    def __call__(self, feature: Tensor, target: Tensor) -> Tensor:
        """The distance of each image, (N,), 0 or more."""


def distances_of(task: str) -> list[str]:
    """The names of a task's distances."""
    return sorted(
        short_name(name) for name, cls in DISTANCES.module_dict.items() if cls.task == task
    )


def short_name(name: str) -> str:
    """The name of a registered distance within its task: ``mse`` of ``dense_mse``."""
    return name.removeprefix(f'{DISTANCES.get(name).task}_')


def registered_name(task: str, name: str) -> str:
    """The registered name of a distance that is named within its task.

    Raises:
        UserError: If the task is unknown or has no such distance.
    """
    if task not in TASKS:
        raise UserError(f'task: {task!r} is not one of {", ".join(TASKS)}')
    for known, cls in DISTANCES.module_dict.items():
        if cls.task == task and name == short_name(known):
            return known
    raise UserError(
        f'distance: {name!r} is unknown for task {task}; choose from '
        f'{", ".join(distances_of(task))}'
    )


def distance_options() -> dict[str, Option]:
    """The options of all registered distances; where several share a name, the first one's."""
    options: dict[str, Option] = {}
    for cls in DISTANCES.module_dict.values():
        for name, option in cls.options.items():
            options.setdefault(name, option)
    return options


def distances_with(option: str) -> list[str]:
    """The names, within their tasks, of the distances that have an option."""
    known = DISTANCES.module_dict.items()
    return sorted({short_name(name) for name, cls in known if option in cls.options})


def build_distance(task: str, name: str | None = None, **options: Any) -> Score:
    """Build a distance or a score of the whole set by its task and name.

    Args:
        task: ``'global'`` or ``'dense'``.
        name: One of ``distances_of(task)``. Defaults to the paper's: ``cosine`` for global and
            ``mse`` for dense.
        options: The distance's own options, such as ``temperature``.

    Raises:
        UserError: If the task, the distance or an option is unknown, or a value is refused.
    """
    if task not in TASKS:
        raise UserError(f'task: {task!r} is not one of {", ".join(TASKS)}')
    name = name or DEFAULTS[task]
    registered = registered_name(task, name)
    known = DISTANCES.get(registered).options
    if unknown := sorted(set(options) - set(known)):
        raise UserError(
            f'distance: {name} of task {task} has no option {unknown[0]!r}; it has '
            f'{", ".join(known) or "none"}'
        )
    return DISTANCES.build(dict(type=registered, **options))


def check_temperature(value: float) -> float:
    """Return the temperature of a softmax after checking it.

    Raises:
        UserError: If it is not a positive number.
    """
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise UserError(f'distance: temperature: {value!r} is not a positive number')
    return value
