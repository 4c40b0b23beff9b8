import itertools

import numpy as np
import pytest
from scipy.stats import norm, rankdata, spearmanr

from gaia_ssl.search.strategies import predictor as module
from gaia_ssl.search.strategies.predictor import Predictor, normal_scores

DIGITS = np.array(list(itertools.product(range(3), range(2), range(3), range(4))))


def test_prediction_is_ridge_regression_on_choices_and_pairs():
    rng = np.random.default_rng(0)
    known, distances = rng.permutation(len(DIGITS))[:30].tolist(), rng.uniform(0, 1, 30)
    predictor = Predictor(DIGITS)
    predictor.add(known[:10], distances[:10])
    predictor.add(known[10:], distances[10:])

    # one column per choice, and one per pair of choices of two numbers
    columns = [
        (DIGITS[:, numbers] == choices).all(1)
        for size in (1, 2)
        for numbers in map(list, itertools.combinations(range(4), size))
        for choices in itertools.product(*(range(DIGITS[:, n].max() + 1) for n in numbers))
    ]
    features = np.stack(columns, axis=1) / np.sqrt(10)  # 4 numbers and 6 pairs
    target = norm.ppf((rankdata(distances) - 0.5) / 30)
    x = features[known]
    gram = x.T @ x + module.REGULARISATION * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ target)
    everything = list(range(len(DIGITS)))
    np.testing.assert_allclose(predictor.predict(everything), features @ weights, atol=2e-6)


def test_it_ranks_archs_that_it_has_not_seen():
    rng = np.random.default_rng(1)
    effect = [rng.normal(size=DIGITS[:, n].max() + 1) for n in range(4)]
    distances = np.exp(3 * sum(e[DIGITS[:, n]] for n, e in enumerate(effect)))
    order = rng.permutation(len(DIGITS))
    predictor = Predictor(DIGITS)
    predictor.add(order[:40].tolist(), distances[order[:40]])
    unseen = order[40:].tolist()
    assert spearmanr(predictor.predict(unseen), distances[unseen]).statistic > 0.95


def test_only_the_last_archs_are_learned_from(monkeypatch):
    monkeypatch.setattr(module, 'MEMORY', 5)
    rng = np.random.default_rng(2)
    distances = rng.uniform(size=12)
    whole, last = Predictor(DIGITS), Predictor(DIGITS)
    whole.add(list(range(12)), distances)
    last.add(list(range(7, 12)), distances[7:])
    assert len(whole.scored) == 12
    np.testing.assert_array_equal(whole.predict([20, 30]), last.predict([20, 30]))


@pytest.mark.parametrize('values', [[3.0], [2.0, 1.0, 30.0, -4.0]])
def test_normal_scores(values):
    expected = norm.ppf((rankdata(values) - 0.5) / len(values))
    np.testing.assert_allclose(normal_scores(np.array(values)), expected, atol=1e-12)
