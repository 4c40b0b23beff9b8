"""Which archs an iteration of supernet training runs."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from .families import Arch
from .space import SearchSpace


class ArchSampler(ABC):
    """Draws the archs of one iteration as a function of (seed, iteration) alone.

    Every rank therefore draws the same archs without talking, and a resumed run draws what the
    uninterrupted one would have.

    Args:
        seed: Seed of the draws. Defaults to 0.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def sample(
        self,
        space: SearchSpace,
        iteration: int,
        loss_of: Callable[[Arch], float] | None = None,
    ) -> list[Arch]:
        """The archs of an iteration, in the order they run."""
        return self.draw(space, np.random.default_rng([self.seed, iteration]))

    @abstractmethod
    def draw(self, space: SearchSpace, rng: np.random.Generator) -> list[Arch]:
        """Draw the archs of one iteration; ``MAX``, where it is one of them, comes last."""


class SandwichSampler(ArchSampler):
    """MIN, ``num_random`` uniform subnets, and MAX last (Yu and Huang, ICCV 2019).

    Args:
        num_random: Subnets drawn uniformly. Defaults to 1, as in DATA.
        seed: Seed of the draws. Defaults to 0.
    """

    def __init__(self, num_random: int = 1, seed: int = 0) -> None:
        super().__init__(seed)
        self.num_random = num_random

    def draw(self, space: SearchSpace, rng: np.random.Generator) -> list[Arch]:
        """Draw MIN, the random subnets and MAX; a space of one arch gives that arch once."""
        if len(space) == 1:
            return [space.max]
        return [space.min, *(space.sample(rng) for _ in range(self.num_random)), space.max]


class UniformSampler(ArchSampler):
    """``num`` subnets drawn uniformly from the whole space.

    Args:
        num: Subnets per iteration. Defaults to 1.
        seed: Seed of the draws. Defaults to 0.
    """

    def __init__(self, num: int = 1, seed: int = 0) -> None:
        super().__init__(seed)
        self.num = num

    def draw(self, space: SearchSpace, rng: np.random.Generator) -> list[Arch]:
        """Draw ``num`` subnets."""
        return [space.sample(rng) for _ in range(self.num)]
