"""Curriculum sampling: from the largest archs to the whole range during a training."""

import math
from dataclasses import replace

import numpy as np

from gaia_ssl.space.families import Arch
from gaia_ssl.space.space import SearchSpace
from gaia_ssl.utils.errors import UserError

from .base import ArchSampler, LossOf, check_sampler, check_share
from .sandwich import SandwichSampler


class CurriculumSampler(ArchSampler):
    """MAX alone first; then the range of subnets opens downward, as in US3L (CVPR 2023).

    Between ``begin`` and ``full`` the choices of each dimension become available from the largest
    to the smallest, evenly over that part of the training. A coarse grid, every second choice
    from the largest on, may come before the fine one (Scala, Zhang et al., NeurIPS 2024).

    Args:
        sampler: What draws from the range that is open; its MIN is the smallest arch there.
            Defaults to the sandwich rule with one random subnet.
        begin: Share of the training that runs MAX alone. Defaults to 0.25.
        full: Share after which the range is the whole space. Defaults to 0.75.
        fine: Share after which the grid is fine. Defaults to 0: always.
        seed: Seed of the draws. Defaults to 0.

    Raises:
        UserError: If a share is out of range or ``full`` comes before ``begin``, or ``sampler`` is
            not a sampler.
    """

    def __init__(
        self,
        sampler: ArchSampler | None = None,
        begin: float = 0.25,
        full: float = 0.75,
        fine: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        self.sampler = SandwichSampler() if sampler is None else check_sampler('sampler', sampler)
        self.begin = check_share('begin', begin)
        self.full = check_share('full', full)
        self.fine = check_share('fine', fine)
        if full < begin:
            raise UserError(f'arch_sampler.full: {full} comes before begin={begin}; exchange them')

    def sample(
        self,
        space: SearchSpace,
        iteration: int,
        loss_of: LossOf | None = None,
        progress: float = 1.0,
    ) -> list[Arch]:
        """The archs of an iteration, from the range that is open; see ``ArchSampler``."""
        if progress < self.begin:
            return [space.max]
        return super().sample(self.opened(space, progress), iteration, loss_of, progress)

    def draw(
        self, space: SearchSpace, rng: np.random.Generator, loss_of: LossOf | None
    ) -> list[Arch]:
        """Draw from a range."""
        return self.sampler.draw(space, rng, loss_of)

    def opened(self, space: SearchSpace, progress: float) -> SearchSpace:
        """The space of the choices that are available.

        Args:
            space: The whole space.
            progress: The share of the training that is done, at least ``begin``.
        """
        length = self.full - self.begin
        share = min(1.0, (progress - self.begin) / length) if length else 1.0
        step = 2 if progress < self.fine else 1
        choices = {
            name: tuple(_open(values, share, step) for values in given)
            if isinstance(given[0], tuple | list)
            else _open(given, share, step)
            for name, given in space.choices.items()
        }
        if choices == space.choices:
            return space
        named = {name: arch for name, arch in space.named.items() if _within(arch, choices)}
        return replace(space, choices=choices, named=named)


def _open(values: tuple[int, ...], share: float, step: int) -> tuple[int, ...]:
    """The largest choices of a dimension, a share of those below the largest; one at least."""
    grid = tuple(values)[::-step][::-1]
    # 1e-9: a share that is a whole number of choices but for rounding
    return grid[len(grid) - 1 - math.floor((len(grid) - 1) * share + 1e-9) :]


def _within(arch: Arch, choices: dict[str, tuple]) -> bool:
    """Tell if an arch lies within the bounds of choices."""
    for name, given in choices.items():
        nested = isinstance(given[0], tuple)
        pairs = zip(arch[name], given) if nested else [(arch[name], given)]
        if not all(values[0] <= number <= values[-1] for number, values in pairs):
            return False
    return True
