"""Which archs of a space are scored."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gaia_ssl.space import Arch, Budget, Cost, SearchSpace, count_cost
from gaia_ssl.utils import UserError


class Candidate(NamedTuple):
    """An arch and what it costs."""

    arch: Arch
    cost: Cost


class Feasible:
    """The archs of a space that are within a budget.

    Args:
        space: The space.
        budget: The budget.
        input_size: Side of the images in pixels, at which multiply-adds are counted.

    Raises:
        UserError: If there are none; it names the nearest costs that there are.
    """

    def __init__(self, space: SearchSpace, budget: Budget, input_size: int) -> None:
        self.space = space
        self.costs = np.array([count_cost(space, arch, input_size) for arch in space])
        within = {
            name: (low <= column) & (column < high)
            for (name, (low, high)), column in zip(
                budget.intervals.items(), self.costs.T, strict=True
            )
        }
        self.indices = np.flatnonzero(np.all(list(within.values()), axis=0))
        if not len(self.indices):
            raise UserError(self._nearest(budget, within, input_size))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Candidate:
        index = int(self.indices[index])
        return Candidate(self.space[index], Cost(*map(int, self.costs[index])))

    def _nearest(self, budget: Budget, within: dict[str, np.ndarray], input_size: int) -> str:
        complaints = []
        for name, column in zip(within, self.costs.T, strict=True):
            low, high = budget.intervals[name]
            others = [mask for other, mask in within.items() if other != name]
            values = column[np.all(others, axis=0)]
            below, above = values[values < low], values[values >= high]
            nearest = [f(side) for f, side in ((max, below), (min, above)) if len(side)]
            # where the other budgets leave nothing, theirs are the lines that help
            if len(values) and nearest:
                complaints.append(
                    f'{name}: no arch of {self.space.name!r} at {input_size} px is in '
                    f'[{_number(low)}, {_number(high)}); the nearest feasible values are '
                    f'{" and ".join(map(_exact, nearest))}'
                )
        if complaints:
            return '; '.join(complaints)
        spans = ', '.join(
            f'{name} {_number(column.min())} to {_number(column.max())}'
            for name, column in zip(within, self.costs.T, strict=True)
        )
        return f'budget: no arch of {self.space.name!r} at {input_size} px is in it; it has {spans}'


def random(feasible: Feasible, num: int, seed: int) -> list[Candidate]:
    """``num`` different archs drawn uniformly from those within the budget, or all if fewer."""
    if num < 1:
        raise UserError(f'num: {num} archs; give 1 or more')
    if seed < 0:
        raise UserError(f'seed: {seed} is negative; give 0 or more')
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(feasible), min(num, len(feasible)), replace=False)
    return [feasible[i] for i in sorted(chosen)]


def exhaustive(feasible: Feasible, num: int, seed: int) -> list[Candidate]:
    """Every arch within the budget."""
    return [feasible[i] for i in range(len(feasible))]


Strategy = Callable[[Feasible, int, int], list[Candidate]]

STRATEGIES: dict[str, Strategy] = dict(random=random, exhaustive=exhaustive)


def _exact(value: int) -> str:
    return f'{value} ({_number(value)})'


def _number(value: float) -> str:
    for unit, scale in dict(G=1e9, M=1e6, K=1e3).items():
        if scale <= value < float('inf'):
            return f'{value / scale:.4g}{unit}'
    return f'{value:.4g}'
