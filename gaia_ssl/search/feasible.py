"""Cost all archs of a space and keep those within a budget."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gaia_ssl.space import Arch, Budget, SearchSpace, count_cost
from gaia_ssl.space.budget import split_cost
from gaia_ssl.space.latency import LatencyTable
from gaia_ssl.utils import UserError


class Candidate(NamedTuple):
    """An arch and its costs, by the name of the cost."""

    arch: Arch
    costs: dict[str, float]


class CostModel:
    """Costs of the archs of a space, of one or of all.

    Args:
        space: The space.
        input_size: Side of the images in pixels.
        names: Costs that a budget asks for beside the usual ones, see ``Budget``.
        latencies: The table of latencies, if there is one.

    Raises:
        UserError: If a latency is asked for without a table.
    """

    def __init__(
        self,
        space: SearchSpace,
        input_size: int,
        names: Sequence[str] = (),
        latencies: LatencyTable | None = None,
    ) -> None:
        self.space = space
        self.input_size = input_size
        self.latencies = latencies
        if 'latency' in names and latencies is None:
            raise UserError(
                'latency: a budget needs measured times; give latencies, a table of them'
            )
        sized = {name: split_cost(name) for name in names}
        self.sized = {name: (cost, size) for name, (cost, size) in sized.items() if size}

    def table(self) -> dict[str, np.ndarray]:
        """The costs of all archs of the space, (archs,) each, by name."""
        table = self.space.costs(self.input_size)._asdict()
        if self.latencies is not None:
            table['latency'] = np.array([self.latencies.latency(arch) for arch in self.space])
        for name, (cost, size) in self.sized.items():
            table[name] = getattr(self.space.costs(size), cost)
        return table

    def candidate(self, arch: Arch) -> Candidate:
        """An arch with its costs."""
        costs = count_cost(self.space, arch, self.input_size)._asdict()
        if self.latencies is not None:
            costs['latency'] = self.latencies.latency(arch)
        for name, (cost, size) in self.sized.items():
            costs[name] = getattr(count_cost(self.space, arch, size), cost)
        return Candidate(arch, costs)


class Feasible(Sequence[Candidate]):
    """The candidates within a budget, in the order of the space.

    Args:
        cost_model: The costs of the space's archs.
        budget: The budget.

    Raises:
        UserError: If there are none; the message names the nearest costs that there are.
    """

    def __init__(self, cost_model: CostModel, budget: Budget) -> None:
        self.cost_model = cost_model
        self.space = cost_model.space
        self.costs = cost_model.table()
        within = {
            name: (low <= self.costs[name]) & (self.costs[name] < high)
            for name, (low, high) in budget.intervals.items()
        }
        self.indices = np.flatnonzero(np.all(list(within.values()), axis=0))
        if not len(self.indices):
            raise UserError(self._nearest(budget, within))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Candidate:  # type: ignore[override]  # no slices
        row = int(self.indices[index])
        return Candidate(self.space[row], {name: c[row].item() for name, c in self.costs.items()})

    def _nearest(self, budget: Budget, within: dict[str, np.ndarray]) -> str:
        owner = f'no arch of {self.space.name!r} at {self.cost_model.input_size} px is in'
        complaints = []
        for name, (low, high) in budget.intervals.items():
            others = [mask for other, mask in within.items() if other != name]
            values = self.costs[name][np.all(others, axis=0)]
            below, above = values[values < low], values[values >= high]
            nearest = [f(side) for f, side in ((max, below), (min, above)) if len(side)]
            # where the other budgets leave nothing, theirs are the lines that help
            if len(values) and nearest:
                complaints.append(
                    f'{name}: {owner} [{_number(low)}, {_number(high)}); the nearest feasible '
                    f'values are {" and ".join(map(_exact, nearest))}'
                )
        if complaints:
            return '; '.join(complaints)
        spans = ', '.join(
            f'{name} {_number(self.costs[name].min())} to {_number(self.costs[name].max())}'
            for name in budget.intervals
        )
        return f'budget: {owner} it; it has {spans}'


def _exact(value: float) -> str:
    # no digit may be lost, or the value would not be feasible
    return f'{value if value % 1 else int(value)} ({_number(value)})'


def _number(value: float) -> str:
    for unit, scale in dict(G=1e9, M=1e6, K=1e3).items():
        if scale <= value < float('inf'):
            return f'{value / scale:.4g}{unit}'
    return f'{value:.4g}'
