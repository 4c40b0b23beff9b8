"""The strategy that takes all archs where they are few, and else evolves."""

from dataclasses import dataclass

from gaia_ssl.registry import SEARCH_STRATEGIES
from gaia_ssl.search.feasible import Feasible

from .base import Rounds, Strategy
from .evolution import Evolution
from .fixed import Exhaustive

SHARED = 10
"""Archs of an exhaustive search for one that is scored alone, as they share computation."""


@SEARCH_STRATEGIES.register_module(name='auto')
@dataclass(frozen=True)
class Auto(Strategy):
    """All feasible archs where there are at most ten times ``num``, else ``num`` by evolution.

    All archs share the computation of equal beginnings, so that each costs a fraction of one that
    is scored alone.

    Args:
        num: Archs that evolution scores. Defaults to 100.
        seed: Seed of evolution's draws. Defaults to 0.
    """

    num: int = 100
    seed: int = 0

    def chosen(self, feasible: Feasible) -> Strategy:
        """The strategy that it follows for these archs."""
        if len(feasible) <= SHARED * self.num:
            return Exhaustive()
        return Evolution(num=self.num, seed=self.seed)

    def number(self, feasible: Feasible) -> int:
        """See the base class."""
        return self.chosen(feasible).number(feasible)

    def rounds(self, feasible: Feasible) -> Rounds:
        """The rounds of the strategy that it follows."""
        return self.chosen(feasible).rounds(feasible)
