"""A weighted mixture of samplers."""

import math
from collections.abc import Sequence

import numpy as np

from gaia_ssl.space.families import Arch
from gaia_ssl.space.space import SearchSpace
from gaia_ssl.utils.errors import UserError

from .base import ArchSampler, LossOf, check_least, check_sampler


class MixtureSampler(ArchSampler):
    """Draws from one of several samplers, chosen by weight.

    With ``num=1`` an iteration is one sampler's; more, of samplers of single subnets, choose anew
    for each subnet.

    Args:
        samplers: The samplers.
        weights: Their weights, of any sum. Defaults to equal ones.
        num: Number of choices, each with a draw. Defaults to 1.
        seed: Seed of the draws. Defaults to 0.

    Raises:
        UserError: If samplers are missing or their weights invalid.
    """

    def __init__(
        self,
        samplers: Sequence[ArchSampler],
        weights: Sequence[float] | None = None,
        num: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        if not isinstance(samplers, Sequence) or not samplers:
            raise UserError(f'arch_sampler.samplers: {samplers!r} is not a list of samplers')
        self.samplers = [check_sampler('samplers', sampler) for sampler in samplers]
        weights = [1.0] * len(samplers) if weights is None else list(weights)
        total = math.fsum(weights)
        if len(weights) != len(samplers) or min(weights) < 0 or not 0 < total < math.inf:
            raise UserError(
                f'arch_sampler.weights: {weights} are not {len(samplers)} weights, one per '
                'sampler, none of them negative and not all 0'
            )
        self.shares = [weight / total for weight in weights]
        self.num = check_least('num', num)

    def draw(
        self, space: SearchSpace, rng: np.random.Generator, loss_of: LossOf | None
    ) -> list[Arch]:
        """Draw from ``num`` samplers chosen by weight."""
        chosen = rng.choice(len(self.samplers), self.num, p=self.shares)
        return [arch for index in chosen for arch in self.samplers[index].draw(space, rng, loss_of)]
