"""Settings that decide the result of a search, and limits of memory and batches that do not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch

from gaia_ssl.distances import TASKS
from gaia_ssl.space import Budget, parse_quantity
from gaia_ssl.utils import UserError
from gaia_ssl.utils.validation import check_types

from .batchnorm import group_statistics, set_statistics
from .groups import check_bn_group
from .racing import race_from

STATISTICS = dict(group=group_statistics, calibrated=set_statistics)
COMBINE = ('sum', 'spread')
TEACHERS = ('max', 'training')
DEFAULT_TEACHERS = {'global': 'max', 'dense': 'training'}
DTYPES = dict(float32=torch.float32, bfloat16=torch.bfloat16, float16=torch.float16)


@dataclass(frozen=True)
class SearchSettings:
    """Settings that, together with the supernet and the images, decide the result of a search.

    Args:
        task: ``'global'`` (classification) or ``'dense'`` (detection, segmentation).
        distance: Name of the distance, or names and weights of several, see ``build_terms``.
            Defaults to the task's.
        stages: Stages, from 0, whose feature maps a dense distance compares. Defaults to the
            last one.
        distance_options: Options of the distances, such as ``grid``. Defaults to none.
        budget: The costs that a subnet may have. Defaults to any.
        latencies: Path of a table of measured latencies. Defaults to none.
        strategy: The strategy that chooses the archs to score, see ``build_strategy``. Defaults
            to 100 random ones.
        combine: Terms are added as they are, ``'sum'``, or after division by their standard
            deviation over the first round's candidates, ``'spread'``. Defaults to ``'sum'``.
        teacher: The network that distances compare with: ``'max'``, the supernet's own largest
            subnet, with the weights of the momentum teacher where the method has one; or that of
            the ``'training'``, which differs where a frozen network taught the supernet. Defaults
            to what ranks archs better: ``'max'`` for the global task, ``'training'`` for the dense
            one.
        bn_policy: Batch norms take their statistics from each ``'group'`` of images, or are
            ``'calibrated'`` for each path on all images. Defaults to ``'group'``.
        bn_group: Maximum number of images in a group. Defaults to 64.
        input_size: Side of the images in pixels. Defaults to 224.
        dtype: Precision of the networks, one of ``DTYPES``. Defaults to ``'float32'``.
        num_images: Number of images to search on, drawn uniformly by ``seed``. Defaults to all.
        race: ``'sure'`` or ``'fast'``: a race scores all archs on a few images, and on more those
            that can still be among the best; or its settings, see ``Race``. Defaults to none: all
            are scored on all images.
        max_bad: Share of the images that may be unreadable; they are skipped. Defaults to 0.
        seed: Seed of the draw of images, and of the strategy's draws unless the strategy has its
            own. Defaults to 0.

    Raises:
        UserError: If a setting is of the wrong type, unknown or invalid.
    """

    task: str
    distance: str | dict[str, float] | None = None
    stages: Sequence[int] | None = None
    distance_options: dict[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    latencies: str | None = None
    strategy: dict[str, Any] = field(default_factory=lambda: dict(type='random'))
    combine: str = 'sum'
    teacher: str | None = None
    bn_policy: str = 'group'
    bn_group: int = 64
    input_size: int = 224
    dtype: str = 'float32'
    num_images: int | None = None
    race: str | dict[str, Any] | None = None
    max_bad: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.teacher is None:
            object.__setattr__(self, 'teacher', DEFAULT_TEACHERS.get(self.task))
        choices = dict(
            task=TASKS, teacher=TEACHERS, combine=COMBINE, bn_policy=STATISTICS, dtype=DTYPES
        )
        for name, known in choices.items():
            if (value := getattr(self, name)) not in list(known):
                raise UserError(f'{name}: {value!r} is not one of {", ".join(known)}')
        check_types(self)
        check_bn_group(self.bn_group)
        race_from(self.race)
        if self.input_size < 1:
            raise UserError(f'input_size: {self.input_size} is not a number of pixels')
        if self.seed < 0:
            raise UserError(f'seed: {self.seed} is negative; give 0 or more')

    @classmethod
    def from_config(cls, options: dict[str, Any]) -> 'SearchSettings':
        """Settings as a config gives them: ``dict(task='dense', budget=dict(flops=('3G', '4G')))``.

        Raises:
            UserError: If a setting is missing, unknown or invalid.
        """
        names = [field.name for field in fields(cls)]
        if unknown := sorted(options.keys() - set(names)):
            raise UserError(
                f'{unknown[0]}: a search has no such setting; it has {", ".join(names)}'
            )
        if 'task' not in options:
            raise UserError(f'task: missing; give one of {", ".join(TASKS)}')
        return cls(**dict(options, budget=Budget.parse(options.get('budget', {}))))

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self.input_size, self.input_size


@dataclass(frozen=True)
class Limits:
    """Limits of what runs at once: they change speed and memory, not the result.

    Args:
        micro_batch: Batch-norm groups that run together. Defaults to 1.
        max_memory: Most bytes of activations, or text such as ``'8G'``, which becomes a number;
            as many groups run together as fit. Defaults to no bound.

    Raises:
        UserError: If a limit is not a number, or not positive.
    """

    micro_batch: int = 1
    max_memory: str | float | None = None

    @property
    def memory(self) -> float | None:
        """``max_memory`` as a number of bytes."""
        return None if self.max_memory is None else float(self.max_memory)

    def __post_init__(self) -> None:
        if not isinstance(self.micro_batch, int) or self.micro_batch < 1:
            raise UserError(
                f'micro_batch: {self.micro_batch!r} groups; give a whole number, 1 or more'
            )
        if self.max_memory is None:
            return
        number = parse_quantity(self.max_memory, 'max_memory')
        if not 0 < number < math.inf:
            raise UserError(f'max_memory: {number:g} bytes; give a quantity such as 8G')
        object.__setattr__(self, 'max_memory', number)
