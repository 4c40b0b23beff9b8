"""Score archs on a search's images: the distances of all archs, group by group."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from mmengine.dist import barrier, get_dist_info
from torch import Tensor

from gaia_ssl.models.backbones import Encoder
from gaia_ssl.models.teachers import FrozenEncoder
from gaia_ssl.space import Arch
from gaia_ssl.utils import UserError

from .batchnorm import Statistics
from .evaluator import TreeEvaluator
from .groups import Batches, plan_batches, plan_shares
from .loading import BatchLoader
from .progress import Progress
from .search_images import SearchImages
from .settings import DTYPES, STATISTICS, Limits, SearchSettings
from .store import Store
from .terms import Term

if TYPE_CHECKING:  # it imports mmpretrain
    from gaia_ssl.models.selfsup.base import SupernetSelfSupervisor


class Scores(NamedTuple):
    """Scores of archs.

    Attributes:
        values: Of each arch and term, (archs, terms).
        images: The images that each was scored on, (archs,). Defaults to all.
        facts: Plain data about how they came to be. Defaults to none.
    """

    values: np.ndarray
    images: np.ndarray | None = None
    facts: dict[str, Any] = {}


class Plan(NamedTuple):
    """Archs that are ready to be scored.

    Attributes:
        archs: The archs.
        extra: How many of them, the last ones, are not candidates.
        evaluator: Scores them.
        batches: The groups of images that run at once, for each source of images.
        blocks: The archs that are scored at once, by their indices. Defaults to all.
    """

    archs: list[Arch]
    extra: int
    evaluator: TreeEvaluator
    batches: list[Batches]
    blocks: list[list[int]] | None = None


def teacher_of(
    model: 'SupernetSelfSupervisor', settings: SearchSettings
) -> Encoder | FrozenEncoder:
    """The network that a search compares with, see ``SearchSettings``."""
    if settings.teacher == 'max' and isinstance(model.teacher, FrozenEncoder):
        return model.student
    return model.teacher


class Scoring(ABC):
    """Scores of archs by terms, computed by all processes together.

    Args:
        model: A self-supervised supernet.
        terms: The terms.
        settings: The settings of the search.
        images: The images.
        normalise: Makes a batch of images the input of the networks.
        name: Names the supernet in messages.
    """

    def __init__(
        self,
        model: 'SupernetSelfSupervisor',
        terms: Sequence[Term],
        settings: SearchSettings,
        images: SearchImages,
        normalise: Callable[[Tensor], Tensor],
        name: str,
    ) -> None:
        self.model, self.terms, self.settings = model, terms, settings
        self.teacher = teacher_of(model, settings)
        self.images, self.normalise, self.name = images, normalise, name
        self.loader = BatchLoader(images.images, images.groups, normalise)

    @abstractmethod
    def plan(self, archs: list[Arch], extra: int, limits: Limits) -> Plan:
        """Prepare to score archs.

        Args:
            archs: The candidates, and others after them.
            extra: The number of the others.
            limits: See ``Search.run``.

        Raises:
            UserError: If the limit of memory is too small.
        """

    @abstractmethod
    def score(self, store: Store, number: int, plan: Plan) -> Scores:
        """Score archs.

        Args:
            store: Where the scores go; what is there is not computed again.
            number: The number of the round, from 0.
            plan: The archs.
        """

    def evaluator(
        self, archs: Sequence[Arch], terms: Sequence[Term], statistics: Statistics
    ) -> TreeEvaluator:
        """Make an evaluator of archs."""
        return TreeEvaluator(
            self.model.student,
            self.teacher,
            terms,
            archs,
            self.settings.image_shape,
            statistics,
            DTYPES[self.settings.dtype],
        )

    def check_finite(self, scores: np.ndarray) -> None:
        """Check scores.

        Raises:
            UserError: If one is not finite.
        """
        if not np.isfinite(scores).all():
            raise UserError(
                f'checkpoint: {self.name} gives features that are not finite; its training diverged'
            )


class GroupScoring(Scoring):
    """Scores by distances, which are means over images: processes share the groups of images."""

    def plan(self, archs: list[Arch], extra: int, limits: Limits) -> Plan:
        """See the base class."""
        evaluator = self.evaluator(archs, self.terms, STATISTICS[self.settings.bn_policy])
        sizes, need = self.images.sizes(), evaluator.need
        if self.settings.bn_policy == 'calibrated':
            batches = plan_shares(sizes, need, limits.memory, get_dist_info()[1])
        else:
            batches = plan_batches(sizes, need, limits.micro_batch, limits.memory)
        return Plan(archs, extra, evaluator, [batches])

    def score(self, store: Store, number: int, plan: Plan) -> Scores:
        """See the base class."""
        rank, world = get_dist_info()
        shape = (len(plan.archs), len(self.terms))
        part, [plans] = store.round(number, len(self.images.groups), shape), plan.batches
        batches = plans.batches
        pending = [batch for batch in batches if not all(map(part.done, batch))]
        # everyone must have looked before anyone writes
        barrier()
        if self.settings.bn_policy == 'calibrated' and pending:
            # norms gather from all processes, also from those whose own groups are done
            pending = batches
        mine = pending[rank::world]
        progress = Progress(len(plan.archs) * len(mine), f'round {number + 1}: ', quiet=rank != 0)
        for batch, images in zip(mine, self.loader(mine)):
            sums = plan.evaluator(images, self.images.sizes(batch), progress, plans.room)
            self.check_finite(sums)
            for group, row in zip(batch, sums, strict=True):
                part.write(group, row)
        barrier()
        return Scores(part.total() / len(self.images))
