"""Crossover, mutation and random initialisation for evolutionary search."""

from collections.abc import Sequence

import numpy as np

from gaia_ssl.search.feasible import Feasible

ATTEMPTS = 100  # at making offspring, before random archs fill up their number


class Breeder:
    """Makes new feasible archs.

    Args:
        feasible: The archs to choose from.
        seed: Seed of all draws.
        crossover: Probability that an arch has two parents.
        mutation: Probability that a number of it moves to another choice.

    Attributes:
        digits: The choices of every feasible arch, (archs, numbers).
    """

    def __init__(self, feasible: Feasible, seed: int, crossover: float, mutation: float) -> None:
        self.rng = np.random.default_rng(seed)
        self.crossover, self.mutation = crossover, mutation
        self.sizes = np.array([len(values) for _, values in feasible.space.dims])
        self.digits = np.stack(np.unravel_index(feasible.indices, self.sizes), axis=1)
        self.index = {int(number): i for i, number in enumerate(feasible.indices)}

    def drawn(self, number: int, known: Sequence[int] = ()) -> list[int]:
        """At most ``number`` archs, uniformly from those that are not known."""
        left = np.setdiff1d(np.arange(len(self.index)), known)
        return self.rng.choice(left, min(number, len(left)), replace=False).tolist()

    def offspring(self, parents: list[int], number: int, known: list[int]) -> list[int]:
        """New archs of these parents; at most ``number``, all that are left where there are fewer.

        Args:
            parents: Feasible archs, best first.
            number: Number of new archs.
            known: Archs that must not come again.
        """
        taken = set(known)
        brood: dict[int, None] = {}  # a set that keeps the order
        for _ in range(ATTEMPTS):
            children = self._children(np.array(parents), number)
            for child in np.ravel_multi_index(tuple(children.T), tuple(self.sizes)):
                index = self.index.get(int(child))
                if index is not None and index not in taken and len(brood) < number:
                    brood[index] = None
            if len(brood) == number:
                break
        return [*brood, *self.drawn(number - len(brood), [*known, *brood])]

    def _children(self, parents: np.ndarray, number: int) -> np.ndarray:
        """Choices of children, feasible or not: (number, numbers)."""
        child, other = (self.digits[self._winners(parents, number)] for _ in range(2))
        crossed = self.rng.random((number, 1)) < self.crossover
        child = np.where(crossed & (self.rng.random(child.shape) < 0.5), other, child)
        near = child + self.rng.choice([-1, 1], child.shape)
        anywhere = self.rng.integers(self.sizes, size=child.shape)
        moved = np.where(self.rng.random(child.shape) < 0.5, near, anywhere)
        moves = self.rng.random(child.shape) < self.mutation
        return np.where(moves, moved.clip(0, self.sizes - 1), child)

    def _winners(self, parents: np.ndarray, number: int) -> np.ndarray:
        """Winners of tournaments of two: (number,)."""
        return parents[self.rng.integers(len(parents), size=(number, 2)).min(1)]
