"""Rank correlations with bootstrap intervals."""

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


def correlate(values: np.ndarray, truth: np.ndarray, seed: int) -> dict[str, float]:
    """Spearman's rank correlation and its 95% interval, a percentile bootstrap over archs.

    Args:
        values: One value per arch, (archs,).
        truth: The quantity to correlate with, (archs,).
        seed: Seed of the resamples.

    Returns:
        ``spearman``, and the bounds ``low`` and ``high``.
    """
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(truth), size=(RESAMPLES, len(truth)))
    low, high = np.nanpercentile(spearman(values[draws], truth[draws]), [2.5, 97.5])
    return dict(spearman=float(spearman(values, truth)), low=float(low), high=float(high))
