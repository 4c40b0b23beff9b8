"""Rank correlations of scores with a truth, with bootstrap intervals, and the cost of a choice."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

RESAMPLES = 2000


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation along the last axis; NaN where all values of one are equal.

    SciPy's takes no batch of pairs, which a bootstrap needs.
    """
    a, b = (rankdata(v, axis=-1) - (v.shape[-1] + 1) / 2 for v in (a, b))
    with np.errstate(invalid='ignore'):
        return (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))


def partial_spearman(a: np.ndarray, b: np.ndarray, given: np.ndarray) -> float:
    """Spearman's correlation of two quantities with a third held fixed.

    It is the partial correlation of ranks; NaN where a quantity follows from the third one.
    """
    ab, ac, bc = (float(spearman(*pair)) for pair in ((a, b), (a, given), (b, given)))
    rest = (1 - ac**2) * (1 - bc**2)
    return (ab - ac * bc) / rest**0.5 if rest > 1e-12 else float('nan')


def regret(values: np.ndarray, truth: np.ndarray, number: int = 1) -> float:
    """The loss of truth from choosing by values: the best there is minus the best of a short list.

    Args:
        values: One value per arch, higher is better, (archs,).
        truth: The quantity that counts, (archs,).
        number: Length of the short list. Defaults to 1: the loss of the pick.
    """
    chosen = np.argsort(-values, kind='stable')[:number]
    return float(truth.max() - truth[chosen].max())


def reliability(first: np.ndarray, second: np.ndarray) -> float:
    """Reliability of the mean of two measurements of the same archs (Spearman-Brown).

    It is the share of the variance of their mean that another such measurement would repeat.
    """
    r = float(np.corrcoef(first, second)[0, 1])
    return 2 * r / (1 + r)


class Correlation(NamedTuple):
    """A rank correlation, and the bounds of its 95% interval."""

    spearman: float
    low: float
    high: float


def correlate(pairs: Sequence[tuple[np.ndarray, np.ndarray]], seed: int) -> Correlation:
    """The mean of Spearman's correlations with a truth, over trainings.

    The interval is a percentile bootstrap over archs and, where there are several, trainings.

    Args:
        pairs: Per training, one value per arch and the quantity to correlate with, both (archs,).
        seed: Seed of the resamples.
    """
    rng = np.random.default_rng(seed)
    means = np.zeros(RESAMPLES)
    chosen = rng.integers(len(pairs), size=(RESAMPLES, len(pairs)))
    for index, (values, truth) in enumerate(pairs):
        draws = rng.integers(len(truth), size=(RESAMPLES, len(truth)))
        times = (chosen == index).sum(1)
        means += times * np.nan_to_num(spearman(values[draws], truth[draws])) / len(pairs)
    low, high = np.percentile(means, [2.5, 97.5])
    mean = np.mean([spearman(values, truth) for values, truth in pairs])
    return Correlation(float(mean), float(low), float(high))
