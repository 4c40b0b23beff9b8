"""Ridge regression with the penalty of the least generalised cross-validation."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier

from gaia_ssl.distances.ridge import PENALTIES, ridge_predict, ridge_scores


@pytest.mark.parametrize('channels', [4, 29, 30, 31, 80])
@pytest.mark.parametrize('noise', [0.01, 1, 30])
def test_ridge_is_least_squares_with_the_best_penalty(best_penalty, channels, noise):
    rng = np.random.default_rng(channels)
    known, asked = rng.normal(3, 2, size=(30, channels)), rng.normal(3, 2, size=(8, channels))
    targets = known[:, :3] + rng.normal(0, noise, size=(30, 3))
    got = ridge_predict(*map(torch.from_numpy, (known, targets, asked)))
    mean, std = known.mean(0), known.std(0, ddof=1)
    penalty = best_penalty((known - mean) / std, targets)
    assert penalty in PENALTIES
    # a penalty is as good as images whose features are its root and whose targets are none
    rows = np.vstack([(known - mean) / std, np.sqrt(penalty * 30) * np.eye(channels)])
    wanted = np.vstack([targets - targets.mean(0), np.zeros((channels, 3))])
    weights = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    want = (asked - mean) / std @ weights + targets.mean(0)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-7)


def test_as_many_channels_as_images_are_no_reason_to_fail():
    """A fixed small penalty interpolates there, and is wrong about other images."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(5, 300)) * 0.3
    labels = rng.integers(5, size=600)
    features = centres[labels] + rng.normal(size=(600, 300))
    known, asked = torch.from_numpy(features).split(300)
    found = ridge_scores(known, torch.from_numpy(labels[:300]), asked).argmax(1)
    right = (found.numpy() == labels[300:]).mean()
    probe = RidgeClassifier(alpha=4 * 1e-3 * 300).fit(features[:300], labels[:300])
    assert right > probe.score(features[300:], labels[300:]) + 0.1


def test_classes_are_told_apart():
    rng = np.random.default_rng(0)
    labels = torch.arange(30) % 3
    features = torch.from_numpy(rng.normal(size=(30, 4))) + 9 * torch.eye(3, 4)[labels]
    scores = ridge_scores(features, labels, features)
    assert scores.shape == (30, 3) and torch.equal(scores.argmax(1), labels)


@pytest.mark.parametrize('channels', [4, 40])
def test_features_that_are_not_finite_are_no_reason_to_fail(channels):
    features = torch.rand(30, channels, dtype=torch.double)
    features[3, 1] = torch.nan
    assert not ridge_scores(features, torch.arange(30) % 3, features).isfinite().any()
