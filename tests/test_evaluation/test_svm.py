import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from gaia_ssl.evaluation import LinearSVMs
from gaia_ssl.evaluation.svm import COSTS, average_precision, low_shot
from gaia_ssl.utils import UserError

COST = 0.5


def by_hand(scores, labels):
    """VOC's definition: precision at each recall that is reached, the highest from there on."""
    kept = [(score, label) for score, label in zip(scores, labels) if label]
    kept.sort(key=lambda pair: -pair[0])
    points, hits = [], 0
    for rank, (_, label) in enumerate(kept, 1):
        hits += label == 1
        points.append((hits, hits / rank))
    return sum(max(p for h, p in points if h >= hit) for hit in range(1, hits + 1)) / hits


@settings(max_examples=50, deadline=None)
@given(
    labels=st.lists(st.sampled_from([1, 0, -1]), max_size=30),
    seed=st.integers(0, 2**32 - 1),
)
def test_average_precision_is_vocs(labels, seed):
    labels = [1, *labels]
    scores = np.random.default_rng(seed).permutation(len(labels)).astype(float)
    found = average_precision(scores, np.array(labels))
    assert found == pytest.approx(by_hand(scores, labels))


@given(k=st.integers(1, 3), seed=st.integers(0, 99))
def test_low_shot_draws_k_and_its_multiple(k, seed):
    labels = np.array([[1, -1, 0] * 5 + [-1] * 12, [-1] * 12 + [1, -1, 0] * 5]).T
    drawn = low_shot(labels, k, np.random.default_rng(seed))
    assert ((drawn == 1).sum(0) == k).all() and ((drawn == -1).sum(0) == k).all()
    assert (drawn == labels)[drawn != 0].all()


def test_low_shot_differs_from_draw_to_draw_and_has_its_limits():
    labels = np.where(np.arange(40)[:, None] % 4 == np.arange(4), 1, -1)
    draws = [low_shot(labels, 2, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[0], draws[2])
    assert ((draws[0] == -1).sum(0) == 3 * 2).all()
    with pytest.raises(UserError, match='shots: 11 want 11 images labeled 1 .* class 0 has 10'):
        low_shot(labels, 11, np.random.default_rng(0))


def test_costs_are_the_papers():
    assert len(COSTS) == 26
    assert min(COSTS) == 1e-7 and max(COSTS) == 100 and {2.0**-19, 2.0**-4} < set(COSTS)


@pytest.fixture
def voc():
    """Features and labels of three classes, some of them difficult: (train, test)."""
    rng = np.random.default_rng(0)

    def make(number):
        labels = np.where(rng.random((number, 3)) < 0.3, 1, -1)
        features = 0.5 * rng.normal(size=(number, 6))
        features[:, :3] += labels
        labels[rng.random(labels.shape) < 0.1] = 0
        return features / np.linalg.norm(features, axis=1, keepdims=True), labels

    return *make(60), *make(50)


def optimum(features, targets, cost):
    """Weights and bias that minimise the squared hinge loss, by another solver."""
    inputs = np.column_stack([features, np.ones(len(features))])  # the bias is regularised as well
    weights = cost * np.where(targets == 1, 2, 1)

    def objective(w):
        slack = np.maximum(0, 1 - targets * (inputs @ w))
        gradient = w - 2 * (weights * slack * targets) @ inputs
        return 0.5 * w @ w + weights @ slack**2, gradient

    return minimize(objective, np.zeros(inputs.shape[1]), jac=True, method='L-BFGS-B').x


def test_equals_another_solver(voc):
    train, train_labels, test, test_labels = voc
    result = LinearSVMs(*voc, costs=[COST]).full()
    ap = []
    for y, answers in zip(np.where(train_labels == 1, 1, -1).T, test_labels.T):
        w = optimum(train, y, COST)
        ap.append(by_hand(test @ w[:-1] + w[-1], answers))
    assert result['ap'] == pytest.approx([100 * x for x in ap], abs=1e-3)
    assert result['map'] == pytest.approx(100 * np.mean(ap), abs=1e-3)


def test_low_shot_equals_another_solver(voc):
    train, train_labels, test, test_labels = voc
    result = LinearSVMs(*voc, costs=[1e-6, COST]).few(4, runs=3, seed=7)
    means = []
    for run in range(3):
        sample = low_shot(train_labels, 4, np.random.default_rng((7, 4, run)))
        ap = []
        for y, answers in zip(sample.T, test_labels.T):
            w = optimum(train[y != 0], y[y != 0], result['cost'])
            ap.append(by_hand(test @ w[:-1] + w[-1], answers))
        means.append(100 * np.mean(ap))
    assert result['map'] == pytest.approx(np.mean(means), abs=1e-3)
    assert result['std'] == pytest.approx(np.std(means), abs=1e-3)


def test_chooses_the_cost_that_validates_best(voc):
    train, train_labels, *test = voc
    noise = np.random.default_rng(1).normal(size=(len(train), 200))
    features = np.column_stack([train, 0.3 * noise])  # where little regularisation overfits
    tests = np.column_stack([test[0], np.zeros((len(test[0]), 200))])
    svms = LinearSVMs(features, train_labels, tests, test[1], costs=[1e3, 1e-2])
    assert svms.full()['costs'].count(1e-2) >= 2


def test_too_few_images_for_the_folds(voc):
    train, labels, *test = voc
    labels = labels.copy()
    labels[labels[:, 1] == 1, 1] = -1
    with pytest.raises(UserError, match='a class has 0 images labeled 1, too few for 3 folds'):
        LinearSVMs(train, labels, *test).full()


def test_refuses_numbers_and_data_that_make_no_sense(voc):
    with pytest.raises(UserError, match='costs: 0 is not positive'):
        LinearSVMs(*voc, costs=[1, 0])
    with pytest.raises(UserError, match='data: a class is on no image to test on'):
        LinearSVMs(*voc[:3], np.full_like(voc[3], -1))
    for options in (dict(shots=0), dict(shots=1, runs=0)):
        with pytest.raises(UserError, match=f'{list(options)[-1]}: 0 is too few'):
            LinearSVMs(*voc).few(**options)


def test_says_what_is_not_installed(monkeypatch, voc):
    monkeypatch.setitem(sys.modules, 'sklearn.svm', None)
    with pytest.raises(UserError, match='scikit-learn: .*pip install scikit-learn'):
        LinearSVMs(*voc)
