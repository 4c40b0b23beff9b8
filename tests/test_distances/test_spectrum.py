"""Label-free scores against a plain computation, from eigenvalues and a fit in NumPy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.distances import build_distance, effective_rank
from gaia_ssl.utils import UserError

SCORES = ['rank', 'alpha']


def rank(x):
    gram = x @ x.T if len(x) < x.shape[1] else x.T @ x
    values = [max(v, 0) ** 0.5 for v in np.linalg.eigvalsh(gram)]
    shares = [v / sum(values) for v in values]
    entropy = -sum(p * np.log(p) for p in shares if p > 0)
    return 1 - np.exp(entropy) / len(x)


def alpha(x):
    positive = min(len(x) - 1, x.shape[1])
    index = np.arange(1, max(2, positive // 2) + 1)
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1][: len(index)]
    return abs(np.polyfit(np.log(index), np.log(eigenvalues), 1)[0] + 1)


def score(name, matrix, **options):
    measure = build_distance('global', name, **options)
    halves = [measure.collect(part, measure.target(part)) for part in matrix.split(2)]
    return measure.score(measure.merge(halves), measure.prepare([]))


def power_law(decay, images=64, channels=48):
    """Centred features whose covariance has the eigenvalues i^-decay."""
    rng = np.random.default_rng(0)
    left = rng.normal(size=(images, channels))
    left = np.linalg.qr(left - left.mean(0))[0]
    right = np.linalg.qr(rng.normal(size=(channels, channels)))[0]
    lengths = np.sqrt(images * np.arange(1.0, channels + 1) ** -decay)
    return torch.from_numpy(left * lengths @ right.T)


@pytest.mark.parametrize('plain', [rank, alpha])
@pytest.mark.parametrize('pooled', [False, True])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), images=st.integers(3, 12), channels=st.integers(2, 12))
def test_score_is_the_formula(plain, pooled, seed, images, channels):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(images, channels, 2, 3, generator=generator)
    matrix = maps.double().mean((2, 3))
    want = pytest.approx(plain(matrix.numpy()), rel=1e-6, abs=1e-9)
    if not pooled:
        assert score(plain.__name__, matrix) == want
        return
    for task in ('global', 'dense'):
        measure = build_distance(task, f'pooled_{plain.__name__}')
        assert measure.reads == 'map'
        kept = measure.collect(maps, measure.target(maps))
        # maps are averaged in single precision
        found = measure.score(kept, measure.prepare([]))
        assert found == pytest.approx(want.expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize('dtype', [torch.float, torch.double])
def test_effective_rank_counts_equal_directions(dtype):
    for rank in (1, 3, 8):
        directions = torch.eye(8, dtype=dtype)[torch.arange(48) % rank]
        assert effective_rank(directions) == pytest.approx(rank, rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), images=st.integers(1, 9), channels=st.integers(1, 9))
def test_effective_rank_by_the_definition(seed, images, channels):
    matrix = np.random.default_rng(seed).normal(size=(images, channels))
    # singular values are the roots of the eigenvalues of the Gram matrix
    values = np.sqrt(np.clip(np.linalg.eigvalsh(matrix.T @ matrix), 0, None))
    shares = [v / values.sum() for v in values if v > 1e-7]
    expected = np.exp(-sum(p * np.log(p) for p in shares))
    found = effective_rank(torch.from_numpy(matrix)).item()
    assert found == pytest.approx(expected, rel=1e-5)
    assert 1 <= found <= min(images, channels)


@pytest.mark.parametrize('shape', [(1, 1), (5, 3), (3, 5)])
def test_effective_rank_of_zeros_is_one(shape):
    assert effective_rank(torch.zeros(shape)) == 1


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_effective_rank_of_what_is_not_finite(value):
    assert effective_rank(torch.tensor([[1.0, value], [0, 1]])).isnan()


def test_rank_of_known_matrices():
    orthogonal = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    assert score('rank', torch.from_numpy(orthogonal)) == pytest.approx(0)
    assert score('rank', torch.from_numpy(orthogonal[:, :4])) == pytest.approx(1 - 4 / 8)
    assert score('rank', torch.ones(8, 4)) == pytest.approx(1 - 1 / 8)
    assert score('rank', torch.zeros(8, 4)) == 1 - 1 / 8


@pytest.mark.parametrize('decay', [0.3, 1, 2.5])
def test_alpha_of_a_known_decay(decay):
    matrix = power_law(decay)
    assert score('alpha', matrix) == pytest.approx(abs(decay - 1), abs=1e-9)
    # what all images have in common, and lengths, carry nothing
    assert score('alpha', 100 * (matrix + 5)) == pytest.approx(abs(decay - 1), abs=1e-6)


@pytest.mark.parametrize('name', SCORES)
@pytest.mark.parametrize('dtype', [torch.double, torch.float, torch.bfloat16])
def test_collapsed_features_score_worse_than_rich_ones(name, dtype):
    rich = score(name, power_law(1).to(dtype))
    generator = torch.Generator().manual_seed(0)
    along, common = torch.rand(64, 1, generator=generator), torch.rand(48, generator=generator)
    few = torch.cat([power_law(1)[:, :3], torch.zeros(64, 45)], 1)
    collapsed = dict(
        few=few,
        line=along * common,
        point=common.expand(64, 48),
        nearly=common + 1e-10 * torch.rand(64, 48, dtype=torch.double, generator=generator),
        nothing=torch.zeros(64, 48),
    )
    scores = {kind: score(name, matrix.to(dtype)) for kind, matrix in collapsed.items()}
    assert min(scores.values()) > rich + 0.2
    assert np.isfinite(list(scores.values())).all()
    # a point is no richer than a line
    assert min(scores['point'], scores['nothing']) > scores['line'] - 1e-6


@pytest.mark.parametrize('name', SCORES)
def test_features_that_are_not_finite_have_no_score(name):
    assert np.isnan(score(name, torch.full((5, 4), np.nan)))


@pytest.mark.parametrize('matrix', [torch.randn(2, 5), torch.randn(5, 1)])
def test_alpha_needs_a_line_to_fit(matrix):
    with pytest.raises(UserError, match='at least 3 images and 2 channels'):
        score('alpha', matrix)
