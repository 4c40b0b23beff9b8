"""Dense distances against a plain computation, image by image in NumPy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.distances import build_distance


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def softmax(row):
    exp = np.exp(row - row.max())
    return exp / exp.sum()


def pool(feature, grid):
    """Means over cells of rows and columns, which overlap where sides are no multiples."""
    for axis in (1, 2):
        side = feature.shape[axis]
        cells = min(side, grid)
        bounds = [(side * k // cells, -(-side * (k + 1) // cells)) for k in range(cells)]
        means = [feature.take(range(*pair), axis).mean(axis) for pair in bounds]
        feature = np.stack(means, axis)
    return feature


def similarities(feature):
    positions = unit(feature.reshape(len(feature), -1).T)
    return positions @ positions.T


def mse(s, t):
    return ((s - t) ** 2).mean()


def cosine(s, t):
    return np.mean([1 - a @ b for a, b in zip(unit(s), unit(t))])


def kl(s, t):
    rows = [(softmax(a / 0.2), softmax(b / 0.2)) for a, b in zip(t, s)]
    return np.mean([(p * np.log(p / q)).sum() for p, q in rows])


@pytest.mark.parametrize('plain', [mse, cosine, kl])
@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    channels=st.tuples(st.integers(3, 8), st.integers(3, 8)),
    size=st.tuples(st.integers(1, 9), st.integers(2, 9)),
    grid=st.integers(2, 10),
)
def test_distance_is_the_formula(plain, seed, channels, size, grid):
    generator = torch.Generator().manual_seed(seed)
    # positive, as after a ReLU: means over cells do not cancel
    student, teacher = (torch.rand(3, c, *size, generator=generator) for c in channels)
    distance = build_distance('dense', plain.__name__, grid=grid)
    got = distance(student, distance.target(teacher))
    assert got.shape == (3,)
    want = [
        plain(*(similarities(pool(f, grid)) for f in pair))
        for pair in zip(student.double().numpy(), teacher.double().numpy())
    ]
    # similarities are rounded to 6e-8, and a distance goes with the square of their difference
    assert (np.abs(got.double().numpy() - want) <= 1e-6 * np.sqrt(want) + 1e-12).all()


@pytest.mark.parametrize('name', ['mse', 'cosine', 'kl'])
def test_maps_up_to_28_are_compared_position_by_position(name):
    maps = torch.randn(1, 2, 28, 28, generator=torch.Generator().manual_seed(0))
    assert build_distance('dense', name).target(maps).shape == (1, 784, 784)
    early = torch.randn(1, 2, 56, 20, generator=torch.Generator().manual_seed(0))
    assert build_distance('dense', name).target(early).shape == (1, 560, 560)


@pytest.mark.parametrize('name', ['mse', 'cosine', 'kl'])
def test_near_subnets_are_told_apart(name):
    """A relative difference of 1e-3 of features is measured to a relative 1e-3."""
    generator = torch.Generator().manual_seed(0)
    teacher = torch.randn(2, 16, 6, 6, generator=generator, dtype=torch.double).abs()
    student = teacher + 1e-3 * torch.randn(teacher.shape, generator=generator, dtype=torch.double)
    distance = build_distance('dense', name)
    got = distance(student, distance.target(teacher))
    want = [
        dict(mse=mse, cosine=cosine, kl=kl)[name](similarities(s), similarities(t))
        for s, t in zip(student.numpy(), teacher.numpy())
    ]
    np.testing.assert_allclose(got.double().numpy(), want, rtol=1e-3)
