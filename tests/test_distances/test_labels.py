"""Scores by labels, against classifiers of scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

from gaia_ssl.distances import build_distance
from gaia_ssl.distances.ridge import PENALTY


def features(images=40, classes=3):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, images)
    maps = rng.normal(size=(images, 6, 2, 2))
    maps[:, :, 0, 0] += 2 * rng.normal(size=(classes, 6))[labels]
    return maps.astype(np.float32), labels


def measure(name, maps, labels, groups=7):
    score = build_distance('global', name)
    parts = torch.from_numpy(maps).split(groups)
    targets = torch.from_numpy(labels).split(groups)
    kept = score.merge([score.collect(*pair) for pair in zip(parts, targets)])
    return score.score(kept, score.prepare(targets))


def halves(maps, labels):
    x = maps.mean((2, 3))
    for known, asked in ((0, 1), (1, 0)):
        yield x[known::2], labels[known::2], x[asked::2], labels[asked::2]


@pytest.mark.parametrize('images', [40, 41])
def test_knn(images):
    maps, labels = features(images)
    wrong = 0
    for x, y, asked, answers in halves(maps, labels):
        vote = KNeighborsClassifier(
            min(20, len(x)), metric='cosine', weights=lambda d: np.exp((1 - d) / 0.07)
        )
        wrong += (vote.fit(x, y).predict(asked) != answers).sum()
    found = measure('label_knn', maps, labels)
    assert found == pytest.approx(wrong / images) and 0 < found < 0.6


@pytest.mark.parametrize('images', [40, 41])
def test_ridge(images):
    maps, labels = features(images)
    wrong = 0
    for x, y, asked, answers in halves(maps, labels):
        mean, std = x.mean(0), x.std(0, ddof=1)
        probe = RidgeClassifier(alpha=4 * PENALTY * len(x)).fit((x - mean) / std, y)
        wrong += (probe.predict((asked - mean) / std) != answers).sum()
    found = measure('label_ridge', maps, labels)
    assert found == pytest.approx(wrong / images) and 0 < found < 0.6


def test_features_that_are_not_finite_have_no_score():
    maps, labels = features()
    maps[3] = np.nan
    assert np.isnan(measure('label_knn', maps, labels))
