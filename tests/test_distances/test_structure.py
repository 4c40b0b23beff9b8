"""The structure of dense features, against NumPy and scikit-learn's k-means, cluster by cluster."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from gaia_ssl.distances import build_distance, structure
from gaia_ssl.utils import UserError


def maps(seed=0, images=16, channels=5, size=(4, 3)):
    rng = np.random.default_rng(seed)
    centres = 3 * rng.normal(size=(4, channels))
    chosen = centres[rng.integers(4, size=(images, *size))]
    return (chosen + rng.normal(scale=0.3, size=chosen.shape)).transpose(0, 3, 1, 2)


def measure(score, features, group=8):
    parts = torch.from_numpy(features).split(group)
    return score.score(score.merge([score.collect(x, score.target(x)) for x in parts]), None)


def farthest(points, number):
    chosen = [0]
    for _ in range(number - 1):
        gaps = np.linalg.norm(points[:, None] - points[chosen], axis=2).min(1)
        chosen.append(int(gaps.argmax()))
    return points[chosen]


def radius(points):
    centred = points - points.mean(0)
    values = np.linalg.svd(centred, compute_uv=False)
    return values.sum() / np.sqrt(max(len(points) - 1, points.shape[1]))


def clusters(points, number):
    """Labels and centres, from the farthest points."""
    start = farthest(points, number)
    found = KMeans(number, init=start, n_init=1, max_iter=structure.ITERATIONS, tol=0).fit(points)
    return found.labels_, found.cluster_centers_


def separation(features):
    x = features.reshape(len(features), features.shape[1], -1).transpose(0, 2, 1)
    x = x / np.linalg.norm(x, axis=2, keepdims=True)
    scale = np.linalg.norm(x - x.mean((0, 1)), axis=2).mean()
    alone, together, gaps = [], [], []
    for points in x:
        labels, _ = clusters(points, 3)
        alone += [radius(points[labels == k]) for k in range(3) if (labels == k).sum() > 1]
    for start in range(0, len(x) - 7, 8):
        points = x[start : start + 8].reshape(-1, x.shape[2])
        labels, centres = clusters(points, 24)
        together += [radius(points[labels == k]) for k in range(24) if (labels == k).sum() > 1]
        distances = np.linalg.norm(points[:, None] - centres, axis=2)
        distances[np.arange(len(points)), labels] = np.inf
        gaps += distances.min(1).tolist()
    return ((np.mean(alone) + np.mean(together)) / 2 - np.mean(gaps)) / scale


@pytest.mark.parametrize('images', [16, 19])
def test_separation(images, monkeypatch):
    monkeypatch.setattr(structure, 'ITERATIONS', 50)  # both have ended then
    features = maps(images=images)
    score = build_distance('dense', 'separation')
    assert measure(score, features) == pytest.approx(separation(features), rel=1e-6)


def test_dimension():
    features = maps(images=9)
    x = features.reshape(9, 5, -1).transpose(0, 2, 1)
    x = x / np.linalg.norm(x, axis=2, keepdims=True)
    starts = torch.randint(12, (9,), generator=torch.Generator().manual_seed(0)).numpy()
    ranks = []
    for shift in range(12):
        values = np.linalg.svd(x[np.arange(9), (starts + shift) % 12], compute_uv=False)
        shares = values / values.sum()
        ranks.append(np.exp(-np.sum(shares * np.log(shares))))
    want = 1 - np.mean(ranks) / 5
    assert measure(build_distance('dense', 'dimension'), features) == pytest.approx(want)


def test_compact_clusters_far_apart_score_better():
    score = build_distance('dense', 'separation')
    noise = np.random.default_rng(0).normal(size=(16, 5, 4, 3))
    assert measure(score, maps()) < measure(score, noise)


def test_flat_features_score_worse():
    score = build_distance('dense', 'dimension')
    flat = maps()
    flat[:, 2:] = 0
    assert measure(score, flat) > measure(score, maps())


def test_equal_features_have_a_score():
    for name in ('separation', 'dimension'):
        assert np.isfinite(measure(build_distance('dense', name), np.ones((8, 5, 2, 2))))


def test_a_number_of_cells():
    for wrong in (1, 2.5):
        with pytest.raises(UserError, match=f'cells: {wrong} is not a whole number of 2'):
            build_distance('dense', 'separation', cells=wrong)
