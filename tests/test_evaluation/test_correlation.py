import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gaia_ssl.evaluation import correlation
from gaia_ssl.evaluation.correlation import correlate, spearman

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
    few, many = (correlate(values[:n], truth[:n], seed=0) for n in (40, 400))
    for found in (few, many):
        assert found['low'] < found['spearman'] < found['high']
    assert many['high'] - many['low'] < 0.5 * (few['high'] - few['low'])
