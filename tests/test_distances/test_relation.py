"""Relations between all images, against scipy's softmax row by row."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from gaia_ssl.distances import build_distance, relation


@pytest.mark.parametrize('rows', [5, 1024])
@pytest.mark.parametrize('kind', ['qq', 'qk'])
def test_divergence_of_all_pairs(kind, rows, monkeypatch):
    monkeypatch.setattr(relation, '_ROWS', rows)
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=(2, 13, 6))
    score = build_distance('global', f'relation_{kind}', temperature=0.3)
    found = score.score(torch.from_numpy(ours), score.prepare([torch.from_numpy(theirs)]))
    s, t = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (ours, theirs))
    keys = s if kind == 'qq' else t
    want = 0
    for i in range(13):
        p, q = log_softmax(t @ t[i] / 0.3), log_softmax(keys @ s[i] / 0.3)
        want += np.sum(np.exp(p) * (p - q)) / 13
    assert found == pytest.approx(want)
