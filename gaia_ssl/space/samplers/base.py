"""The base of samplers of archs."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from gaia_ssl.space.families import Arch
from gaia_ssl.space.space import SearchSpace
from gaia_ssl.utils.errors import UserError

LossOf = Callable[[Arch], float]
"""The current loss of an arch on an iteration's batch, equal in every process."""


class ArchSampler(ABC):
    """Draws the archs of one iteration as a function of (seed, iteration), and of nothing else.

    Every process therefore draws the same archs without communication, and a resumed run draws
    those of an uninterrupted one. A sampler that asks for losses depends on them as well.

    Args:
        seed: Seed of the draws; a sampler within another draws by that one's seed. Defaults to 0.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def sample(
        self,
        space: SearchSpace,
        iteration: int,
        loss_of: LossOf | None = None,
        progress: float = 1.0,
    ) -> list[Arch]:
        """The archs of an iteration, in the order they run.

        Args:
            space: The space to draw from.
            iteration: The number of the iteration.
            loss_of: The current loss of an arch, for the samplers that choose by it.
            progress: The share of the training that is done, for the samplers that change with it.
                Defaults to 1.

        Returns:
            The archs drawn; ``MAX``, if it is one of them, is there once and comes last.
        """
        archs = self.draw(space, np.random.default_rng([self.seed, iteration]), loss_of)
        others = [arch for arch in archs if arch != space.max]
        return others if len(others) == len(archs) else [*others, space.max]

    @abstractmethod
    def draw(
        self, space: SearchSpace, rng: np.random.Generator, loss_of: LossOf | None
    ) -> list[Arch]:
        """Draw archs, in any order."""


def check_least(field: str, number: int, least: int = 1) -> int:
    """Return a sampler's setting if it is a whole number and not too small.

    Raises:
        UserError: If it is not.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise UserError(
            f'arch_sampler.{field}: {number!r} is not a whole number of at least {least}'
        )
    return number


def check_share(field: str, share: float) -> float:
    """Return a sampler's setting if it is a number from 0 to 1.

    Raises:
        UserError: If it is not.
    """
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise UserError(f'arch_sampler.{field}: {share!r} is not a number from 0 to 1')
    return share


def check_sampler(field: str, sampler: ArchSampler) -> ArchSampler:
    """Return a sampler's setting if it is a sampler.

    Raises:
        UserError: If it is not.
    """
    if not isinstance(sampler, ArchSampler):
        raise UserError(
            f'arch_sampler.{field}: {sampler!r} is not a sampler; give a dict such as '
            "dict(type='UniformSampler')"
        )
    return sampler
