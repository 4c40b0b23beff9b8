import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gaia_ssl.evaluation import correlation
from gaia_ssl.evaluation.correlation import (
    correlate,
    partial_spearman,
    regret,
    reliability,
    spearman,
)

VALUES = st.lists(st.integers(0, 5), min_size=6, max_size=6)


@settings(max_examples=50, deadline=None)
@given(a=VALUES, b=VALUES)
@pytest.mark.filterwarnings('ignore:An input array is constant')
def test_spearman(a, b):
    want = stats.spearmanr(a, b).statistic
    assert spearman(np.array(a), np.array(b)) == pytest.approx(want, nan_ok=True)


def test_the_interval_holds_the_correlation_and_narrows(monkeypatch):
    monkeypatch.setattr(correlation, 'RESAMPLES', 100)
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    values = truth + rng.normal(size=400)
    few, many = (correlate([(values[:n], truth[:n])], seed=0) for n in (40, 400))
    for found in (few, many):
        assert found.low < found.spearman < found.high
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_several_trainings_are_resampled_too():
    """Trainings that disagree widen the interval beyond that of archs."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=300)
    agreeing = [(truth, truth), (truth, truth)]
    opposed = [(truth, truth), (-truth, truth)]
    assert correlate(agreeing, 0) == pytest.approx((1, 1, 1))
    found = correlate(opposed, 0)
    assert found.spearman == pytest.approx(0) and (found.low, found.high) == pytest.approx((-1, 1))


def test_partial_correlation_is_that_of_residuals_of_ranks():
    rng = np.random.default_rng(0)
    given, a, b = rng.normal(size=(3, 50))
    a, b = a + given, b - 2 * given
    ranks = [stats.rankdata(x) for x in (a, b, given)]
    residuals = []
    for x in ranks[:2]:
        slope, offset = np.polyfit(ranks[2], x, 1)
        residuals.append(x - slope * ranks[2] - offset)
    want = stats.pearsonr(*residuals).statistic
    assert partial_spearman(a, b, given) == pytest.approx(want)
    assert np.isnan(partial_spearman(given, b, given))


def test_regret():
    truth = np.array([3.0, 9, 5, 8])
    values = np.array([4.0, 1, 3, 2])
    assert [regret(values, truth, number) for number in (1, 2, 3, 4)] == [6, 4, 1, 0]
    assert regret(truth, truth) == 0


def test_reliability_is_the_share_of_variance_that_repeats():
    rng = np.random.default_rng(0)
    real = rng.normal(size=20000)
    first, second = (real + rng.normal(size=20000) for _ in range(2))
    # of a mean of two, the noise has half of its variance
    assert reliability(first, second) == pytest.approx(1 / 1.5, abs=0.02)
    assert reliability(real, real) == pytest.approx(1)
