"""Kernel ridge regression that predicts the distances of archs that are not scored yet."""

import numpy as np
from scipy.special import ndtri

MEMORY = 1000  # archs to learn from, the last ones: the cost of the fit is their number cubed
REGULARISATION = 0.05


class Predictor:
    """Kernel ridge regression on the choices and pairs of choices that archs have in common.

    It learns the normal scores of the ranks of distances, not distances: those of a dense task
    span orders of magnitude, and only the order is needed.

    Args:
        digits: The choices of every arch, (archs, numbers).

    Attributes:
        scored: Archs whose distances are known.
    """

    def __init__(self, digits: np.ndarray) -> None:
        self.digits = digits
        self.scored: list[int] = []
        self.distances = np.empty(0)

    def add(self, archs: list[int], distances: np.ndarray) -> None:
        """Add the distances of more archs."""
        self.scored.extend(archs)
        self.distances = np.concatenate([self.distances, distances])

    def predict(self, archs: list[int]) -> np.ndarray:
        """Normal scores of the distances to expect, (archs,); smaller is better."""
        learned, distances = self.scored[-MEMORY:], self.distances[-MEMORY:]
        kernel = self._similarity(learned, learned) + REGULARISATION * np.eye(len(learned))
        expected = self._similarity(archs, learned) @ np.linalg.solve(
            kernel, normal_scores(distances)
        )
        # ties must not be broken by rounding errors, which differ with the number of threads
        return expected.round(6)

    def _similarity(self, archs: list[int], others: list[int]) -> np.ndarray:
        """Shared choices and pairs of them, as a share of all: (archs, others)."""
        # (archs, 1, numbers) == (others, numbers) -> (archs, others)
        same = (self.digits[archs][:, None] == self.digits[others]).sum(-1)
        numbers = self.digits.shape[1]
        return same * (same + 1) / (numbers * (numbers + 1))


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Quantiles of the normal distribution at the ranks of values, (N,)."""
    ranks = values.argsort(kind='stable').argsort(kind='stable')
    return ndtri((ranks + 0.5) / len(values))
