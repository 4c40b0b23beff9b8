"""Linear CKA, against its definition by centred Gram matrices in NumPy."""

import numpy as np
import pytest
import torch

from gaia_ssl.distances import build_distance
from gaia_ssl.utils import UserError


def plain(ours, theirs):
    centre = np.eye(len(ours)) - 1 / len(ours)
    a, b = (centre @ x @ x.T @ centre for x in (ours, theirs))
    return 1 - np.trace(a @ b) / np.sqrt(np.trace(a @ a) * np.trace(b @ b))


def maps(seed, channels, size=(3, 4)):
    rng = np.random.default_rng(seed)
    return 2 + rng.normal(size=(9, channels, *size))


def measure(score, ours, theirs, group=4):
    ours, theirs = torch.from_numpy(ours), torch.from_numpy(theirs)
    targets = [score.target(part) for part in theirs.split(group)]
    kept = [score.collect(part, t) for part, t in zip(ours.split(group), targets)]
    return score.score(score.merge(kept), score.prepare(targets))


@pytest.mark.parametrize('channels', [2, 15])
def test_embeddings_and_averages(channels):
    ours, theirs = maps(0, channels), maps(1, 6)
    a, b = ours.mean((2, 3)), theirs.mean((2, 3))
    assert measure(build_distance('global', 'cka'), a, b) == pytest.approx(plain(a, b), abs=1e-9)
    pooled = build_distance('global', 'pooled_cka')
    assert measure(pooled, ours, theirs) == pytest.approx(plain(a, b), abs=1e-6)


@pytest.mark.parametrize('channels', [2, 15])
def test_positions_of_all_images(channels):
    ours, theirs = maps(0, channels), maps(1, 6)
    a, b = (x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1]) for x in (ours, theirs))
    score = build_distance('dense', 'cka')
    assert measure(score, ours, theirs) == pytest.approx(plain(a, b), abs=1e-9)


def test_large_maps_are_averaged_over_cells():
    ours, theirs = maps(0, 3, (6, 4)), maps(1, 5, (6, 4))
    a, b = (x.reshape(9, -1, 2, 3, 2, 2).mean((3, 5)) for x in (ours, theirs))
    a, b = (x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1]) for x in (a, b))
    score = build_distance('dense', 'cka', cells=2)
    assert measure(score, ours, theirs) == pytest.approx(plain(a, b), abs=1e-9)
    for wrong in (1, 3.5):
        with pytest.raises(UserError, match=f'cells: {wrong} is not a whole number of 2'):
            build_distance('dense', 'cka', cells=wrong)


def test_features_that_do_not_vary_are_like_nothing():
    equal = np.ones((9, 4))
    score = build_distance('global', 'cka')
    assert measure(score, equal, maps(1, 6).mean((2, 3))) == 1
