"""Strategies that choose all archs in advance: random, exhaustive, or from a list."""

from dataclasses import dataclass, field

import numpy as np

from gaia_ssl.registry import SEARCH_STRATEGIES
from gaia_ssl.search.feasible import Feasible
from gaia_ssl.space import Arch, arch_key
from gaia_ssl.utils import UserError

from .base import Rounds, Strategy


@SEARCH_STRATEGIES.register_module(name='random')
@dataclass(frozen=True)
class Random(Strategy):
    """Different archs, drawn so that each feasible one is as likely as any other.

    Args:
        num: Number of archs; all of them if there are fewer. Defaults to 100.
        seed: Seed of the draw. Defaults to 0.
        share_prefixes: Archs are drawn in runs of this length of neighbours with equal beginnings,
            so that a tree shares more of their computation. Each arch stays as likely, but archs of
            a run are no longer independent. Defaults to 1: no runs.
    """

    num: int = 100
    seed: int = 0
    share_prefixes: int = 1

    def __post_init__(self):
        super().__post_init__()
        if self.share_prefixes < 1:
            raise UserError(f'share_prefixes: {self.share_prefixes} archs; give 1 or more')

    def rounds(self, feasible: Feasible) -> Rounds:
        """One round of all archs."""
        rng = np.random.default_rng(self.seed)
        num = min(self.num, len(feasible))
        if self.share_prefixes == 1:
            yield sorted(rng.choice(len(feasible), num, replace=False).tolist())
            return
        # Runs start evenly around the circle of all archs, which is turned at random: an arch is
        # drawn with probability num / len(feasible), and no two runs meet.
        order = _by_prefix(feasible)
        runs = -(-num // self.share_prefixes)
        turn = int(rng.integers(len(feasible)))
        chosen = []
        for run in range(runs):
            start = turn + run * len(feasible) // runs
            length = num * (run + 1) // runs - num * run // runs
            chosen += [order[(start + i) % len(feasible)] for i in range(length)]
        yield sorted(chosen)


def _by_prefix(feasible: Feasible) -> list[int]:
    """Feasible archs ordered so that those whose paths begin equally are neighbours."""
    segments = [feasible.space.family.segments(candidate.arch) for candidate in feasible]
    return sorted(range(len(feasible)), key=segments.__getitem__)


@SEARCH_STRATEGIES.register_module(name='exhaustive')
@dataclass(frozen=True)
class Exhaustive(Strategy):
    """Every feasible arch."""

    def rounds(self, feasible: Feasible) -> Rounds:
        """One round of all archs."""
        yield list(range(len(feasible)))


@SEARCH_STRATEGIES.register_module(name='listed')
@dataclass(frozen=True)
class Listed(Strategy):
    """Archs of a list, such as the best of another search, to be scored by other distances.

    Args:
        archs: The archs.
    """

    archs: list[Arch] = field(default_factory=list)

    def __post_init__(self):
        super().__post_init__()
        if not self.archs:
            raise UserError("archs: strategy 'listed' has none; give a list of them")

    def check(self, feasible: Feasible) -> None:
        """Check that all are in the space and within the budget, and none comes twice.

        Raises:
            UserError: If one is not, or does.
        """
        indices = self._indices(feasible)
        for arch, index in zip(self.archs, indices, strict=True):
            if index is None:
                raise UserError(f'archs: {arch} is not within the budget')
            if indices.count(index) > 1:
                raise UserError(f'archs: {arch} is listed twice')

    def number(self, feasible: Feasible) -> int:
        """See the base class."""
        return len(self.archs)

    def rounds(self, feasible: Feasible) -> Rounds:
        """One round of all of them."""
        yield sorted(index for index in self._indices(feasible) if index is not None)

    def _indices(self, feasible: Feasible) -> list[int | None]:
        known = {arch_key(candidate.arch): index for index, candidate in enumerate(feasible)}
        return [known.get(arch_key(feasible.space.check(arch))) for arch in self.archs]
