"""Prediction of the teacher, against scikit-learn's ridge regression."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from gaia_ssl.distances import build_distance


@pytest.mark.parametrize('images', [20, 21])
def test_variance_that_the_other_half_does_not_predict(best_penalty, images):
    rng = np.random.default_rng(0)
    ours = 1 + rng.normal(size=(images, 5)) * [1, 2, 3, 4, 5]
    theirs = ours @ rng.normal(size=(5, 3)) + rng.normal(size=(images, 3))
    score = build_distance('global', 'regression')
    found = score.score(torch.from_numpy(ours), score.prepare([torch.from_numpy(theirs)]))
    error = 0
    for known, asked in (
        (slice(0, None, 2), slice(1, None, 2)),
        (slice(1, None, 2), slice(0, None, 2)),
    ):
        x, y = ours[known], theirs[known]
        scale = x.std(0, ddof=1)
        scaled = (x - x.mean(0)) / scale
        model = Ridge(alpha=best_penalty(scaled, y) * len(x)).fit(scaled, y)
        predicted = model.predict((ours[asked] - x.mean(0)) / scale)
        error += np.square(predicted - theirs[asked]).sum()
    assert found == pytest.approx(error / np.square(theirs - theirs.mean(0)).sum())
