"""Evolutionary search: offspring of the best archs so far.

NSGA-II (Deb et al., IEEE TEVC 2002) over archs as vectors of choices. With the distance as the
only objective its ranking is the order of the distances: an ordinary elitist genetic algorithm.
Offspring are cheap and scores are not, so more are bred than scored: see ``Predictor``.
"""

from dataclasses import dataclass

import numpy as np

from gaia_ssl.registry import SEARCH_STRATEGIES
from gaia_ssl.search.feasible import Feasible
from gaia_ssl.utils import UserError
from gaia_ssl.utils.pareto import pareto_front

from .base import Rounds, Strategy
from .breeding import Breeder
from .predictor import Predictor


@SEARCH_STRATEGIES.register_module(name='evolution')
@dataclass(frozen=True)
class Evolution(Strategy):
    """The offspring of the archs with the smallest distances.

    Every round scores ``population`` new feasible archs: the first ones drawn uniformly, later
    ones made from parents that won a tournament of two among the best ``population`` so far.
    Of ``offspring`` times as many, those with the best predicted distances are scored.

    Args:
        num: Archs scored in all. Defaults to 100.
        seed: Seed of all draws. Defaults to 0.
        population: Archs per round, and archs that may be parents. Defaults to 10.
        crossover: Probability that an offspring has two parents, each of its numbers being one
            or the other's. Defaults to 0.5.
        mutation: Probability that a number moves to another choice; a neighbouring one is as
            likely as all others together. Defaults to 0.1.
        offspring: Offspring per arch that is scored; 1 leaves no choice. Defaults to 20.
    """

    num: int = 100
    seed: int = 0
    population: int = 10
    crossover: float = 0.5
    mutation: float = 0.1
    offspring: int = 20

    def __post_init__(self):
        super().__post_init__()
        for name in ('crossover', 'mutation'):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f'{name}: {getattr(self, name)} is not a probability')
        if self.offspring < 1:
            raise UserError(f'offspring: {self.offspring} per arch; give 1 or more')

    def objectives(self, feasible: Feasible, indices: list[int], distances: np.ndarray):
        """Objectives of scored archs, to be minimised: (archs, objectives)."""
        return distances[:, None]

    def rounds(self, feasible: Feasible) -> Rounds:
        """Rounds of ``population`` archs until ``num`` are scored, or all that are feasible."""
        breeder = Breeder(feasible, self.seed, self.crossover, self.mutation)
        predictor = Predictor(breeder.digits)
        parents: list[int] = []
        values = np.empty((0, 1))
        total = min(self.num, len(feasible))
        while len(predictor.scored) < total:
            number = min(self.population, total - len(predictor.scored))
            if parents:
                pool = breeder.offspring(parents, number * self.offspring, predictor.scored)
                expected = self.objectives(feasible, pool, predictor.predict(pool))
                new = [pool[i] for i in sort_by_front(expected)[:number]]
            else:
                new = breeder.drawn(number)
            distances = yield new
            predictor.add(new, distances)
            found = self.objectives(feasible, new, distances)
            values = np.concatenate([values, found]) if parents else found
            parents = parents + new
            # best first, so that a tournament is won by the smaller position
            best = sort_by_front(values)[: self.population]
            parents, values = [parents[i] for i in best], values[best]


@SEARCH_STRATEGIES.register_module(name='pareto')
@dataclass(frozen=True)
class Pareto(Evolution):
    """Offspring of the archs on the Pareto front of distance and costs.

    Args:
        costs: The costs minimised beside the distance. Defaults to ``('flops',)``.
        num, seed, population, crossover, mutation, offspring: See ``Evolution``.
    """

    costs: tuple[str, ...] = ('flops',)

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, 'costs', tuple(self.costs))

    def check(self, feasible: Feasible) -> None:
        """The costs must be known: see ``Strategy.check``."""
        if unknown := [name for name in self.costs if name not in feasible.costs]:
            raise UserError(
                f'costs: {unknown[0]!r} is not known here; take {", ".join(feasible.costs)}'
            )

    def objectives(self, feasible: Feasible, indices: list[int], distances: np.ndarray):
        """Distance and costs: (archs, 1 + costs)."""
        rows = feasible.indices[indices]
        return np.stack([distances, *(feasible.costs[name][rows] for name in self.costs)], axis=1)


def sort_by_front(values: np.ndarray) -> list[int]:
    """Indices from best to worst: by non-dominated front, then by crowding distance, wide first.

    Args:
        values: Objectives to minimise, (archs, objectives).
    """
    if values.shape[1] == 1:  # every value is a front of its own, too many to peel
        return values[:, 0].argsort(kind='stable').tolist()
    left, order = np.arange(len(values)), []
    while len(left):
        front = left[np.sort(pareto_front(values[left]))]
        crowding = crowding_distance(values[front])
        # of equal crowding distances, the earlier one comes first
        order.extend(front[np.argsort(-crowding, kind='stable')].tolist())
        left = np.setdiff1d(left, front)
    return order


def crowding_distance(values: np.ndarray) -> np.ndarray:
    """Crowding distances of a front: the sides of the box up to the neighbours, (archs,).

    Args:
        values: Objectives of one front, (archs, objectives).
    """
    crowding = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind='stable')
        span = column[order[-1]] - column[order[0]]
        crowding[order[[0, -1]]] = np.inf
        if span > 0:
            crowding[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return crowding
