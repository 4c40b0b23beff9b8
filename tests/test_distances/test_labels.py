"""Scores by labels, against classifiers of scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

from gaia_ssl.distances import build_distance
from gaia_ssl.utils import UserError


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
def test_ridge(best_penalty, images):
    maps, labels = features(images)
    wrong = 0
    for x, y, asked, answers in halves(maps, labels):
        mean, std = x.mean(0), x.std(0, ddof=1)
        penalty = best_penalty((x - mean) / std, np.eye(y.max() + 1)[y])
        probe = RidgeClassifier(alpha=penalty * len(x)).fit((x - mean) / std, y)
        wrong += (probe.predict((asked - mean) / std) != answers).sum()
    found = measure('label_ridge', maps, labels)
    assert found == pytest.approx(wrong / images) and 0 < found < 0.6


def test_features_that_are_not_finite_have_no_score():
    maps, labels = features()
    maps[3] = np.nan
    assert np.isnan(measure('label_knn', maps, labels))


@pytest.mark.parametrize('size, cells', [((4, 3), 14), ((8, 8), 4)])
def test_positions(best_penalty, size, cells):
    """mIoU of both halves, with the class of the pixel at a cell's centre."""
    rng = np.random.default_rng(0)
    grid = rng.choice([0, 3, 7, 255], (10, 4, min(size[1], cells)))
    labels = grid.repeat(16, 1).repeat(16, 2).astype(np.uint8)
    labels[:, ::16] = 3  # borders, which are no centres
    maps = rng.normal(size=(10, 6, *size)).astype(np.float32)
    patches = grid.repeat(size[0] // 4, 1).repeat(size[1] // grid.shape[2], 2)
    maps[:, 0] += 2 * (patches == 3)
    maps[:, 1] += 2 * (patches == 7)
    score = build_distance('dense', 'label_ridge', cells=cells)
    parts = [score.collect(x, None) for x in torch.from_numpy(maps).split(4)]
    found = score.score(score.merge(parts), score.prepare(torch.from_numpy(labels).split(4)))

    x = maps.reshape(10, 6, 4, size[0] // 4, grid.shape[2], -1).mean((3, 5)).transpose(0, 2, 3, 1)
    confusion = np.zeros((3, 3))
    for known, asked in ((0, 1), (1, 0)):
        inside, other = (grid[half::2] != 255 for half in (known, asked))
        features, y = x[known::2][inside], grid[known::2][inside]
        mean, std = features.mean(0), features.std(0, ddof=1)
        penalty = best_penalty((features - mean) / std, (y[:, None] == [0, 3, 7]).astype(float))
        probe = RidgeClassifier(alpha=penalty * len(y)).fit((features - mean) / std, y)
        answers = probe.predict((x[asked::2][other] - mean) / std)
        for want, got in zip(grid[asked::2][other], answers):
            confusion[[0, 3, 7].index(want), [0, 3, 7].index(got)] += 1
    right = confusion.diagonal()
    miou = (right / (confusion.sum(0) + confusion.sum(1) - right)).mean()
    assert found == pytest.approx(1 - miou, abs=1e-6) and 0.1 < found < 0.8


def test_a_number_of_cells():
    with pytest.raises(UserError, match='cells: 1 is not a whole number'):
        build_distance('dense', 'label_ridge', cells=1)
