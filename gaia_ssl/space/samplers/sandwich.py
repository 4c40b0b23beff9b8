"""The sandwich rule: the largest, the smallest and random archs in each iteration."""

import numpy as np

from gaia_ssl.space.families import Arch
from gaia_ssl.space.space import SearchSpace

from .base import ArchSampler, LossOf, check_least, check_sampler, check_share
from .uniform import UniformSampler


class SandwichSampler(ArchSampler):
    """MIN, random subnets between, and MAX (Yu and Huang, ICCV 2019).

    Args:
        num_random: How often to draw between MIN and MAX. Defaults to 1, as in DATA.
        random: What draws there. Defaults to one uniform subnet.
        min_probability: Probability that MIN is drawn. Defaults to 1.
        seed: Seed of the draws. Defaults to 0.

    Raises:
        UserError: If ``num_random`` is negative, ``random`` is not a sampler, or the probability
            is out of range.
    """

    def __init__(
        self,
        num_random: int = 1,
        random: ArchSampler | None = None,
        min_probability: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        self.num_random = check_least('num_random', num_random, least=0)
        self.random = UniformSampler() if random is None else check_sampler('random', random)
        self.min_probability = check_share('min_probability', min_probability)

    def draw(
        self, space: SearchSpace, rng: np.random.Generator, loss_of: LossOf | None
    ) -> list[Arch]:
        """Draw MIN, the random subnets and MAX."""
        middle = [a for _ in range(self.num_random) for a in self.random.draw(space, rng, loss_of)]
        # drawn last, so that the probability leaves the other draws as they are
        smallest = [space.min] if rng.random() < self.min_probability else []
        return [*smallest, *middle, space.max]
