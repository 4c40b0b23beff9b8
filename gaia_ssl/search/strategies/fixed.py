"""Random and exhaustive strategies, which choose all archs in advance."""

from dataclasses import dataclass

import numpy as np

from gaia_ssl.registry import SEARCH_STRATEGIES
from gaia_ssl.search.feasible import Feasible
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
