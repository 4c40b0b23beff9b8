"""Uniform sampling of archs."""

import numpy as np

from gaia_ssl.space.families import Arch
from gaia_ssl.space.space import SearchSpace

from .base import ArchSampler, LossOf, check_least


class UniformSampler(ArchSampler):
    """``num`` subnets drawn uniformly from the whole space.

    Args:
        num: Subnets per draw. Defaults to 1.
        seed: Seed of the draws. Defaults to 0.

    Raises:
        UserError: If ``num`` is not positive.
    """

    def __init__(self, num: int = 1, seed: int = 0) -> None:
        super().__init__(seed)
        self.num = check_least('num', num)

    def draw(
        self, space: SearchSpace, rng: np.random.Generator, loss_of: LossOf | None
    ) -> list[Arch]:
        """Draw ``num`` subnets."""
        return [space.sample(rng) for _ in range(self.num)]
