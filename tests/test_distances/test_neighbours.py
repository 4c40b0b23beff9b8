"""Agreement of neighbours, against sorting in NumPy."""

import numpy as np
import pytest
import torch

from gaia_ssl.distances import build_distance, neighbours
from gaia_ssl.utils import UserError


def plain(ours, theirs, k):
    lists = []
    for x in (ours, theirs):
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        similarity = x @ x.T
        np.fill_diagonal(similarity, -np.inf)
        lists.append(np.argsort(-similarity, axis=1)[:, :k])
    return 1 - np.mean([len(set(a) & set(b)) / k for a, b in zip(*lists)])


@pytest.mark.parametrize('rows', [5, 1024])
@pytest.mark.parametrize('k', [1, 4])
def test_share_of_common_neighbours(rows, k, monkeypatch):
    monkeypatch.setattr(neighbours, '_ROWS', rows)
    rng = np.random.default_rng(0)
    theirs = rng.normal(size=(23, 6))
    ours = np.concatenate([theirs, rng.normal(size=(23, 2))], 1)
    score = build_distance('global', 'neighbours', neighbours=k)
    prepared = score.prepare([torch.from_numpy(theirs)])
    assert score.score(torch.from_numpy(ours), prepared) == pytest.approx(plain(ours, theirs, k))


def test_a_number_of_neighbours():
    for wrong in (0, 2.5):
        with pytest.raises(UserError, match=f'neighbours: {wrong} is not a whole number'):
            build_distance('global', 'neighbours', neighbours=wrong)
