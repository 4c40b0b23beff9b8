"""Every distance against a plain computation, image by image in NumPy."""

import numpy as np
import pytest
import torch

from gaia_ssl.registry import DISTANCES
from gaia_ssl.search.distances import TASKS, build_distance, distances_of
from gaia_ssl.utils import UserError

ALL = [(task, name) for task in TASKS for name in distances_of(task)]


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def softmax(row):
    exp = np.exp(row - row.max())
    return exp / exp.sum()


def similarities(feature):
    positions = unit(feature.reshape(len(feature), -1).T)
    return positions @ positions.T


def global_cosine(s, t, i):
    return 1 - unit(s)[i] @ unit(t)[i]


def global_mse(s, t, i):
    return ((unit(s)[i] - unit(t)[i]) ** 2).mean()


def global_relation(s, t, i):
    others = [j for j in range(len(s)) if j != i]
    p = softmax(unit(t)[others] @ unit(t)[i] / 0.2)
    q = softmax(unit(s)[others] @ unit(s)[i] / 0.2)
    return -(p * np.log(q)).sum()


def dense_mse(s, t, i):
    return ((similarities(s[i]) - similarities(t[i])) ** 2).mean()


def dense_cosine(s, t, i):
    rows = zip(unit(similarities(s[i])), unit(similarities(t[i])))
    return np.mean([1 - a @ b for a, b in rows])


def dense_kl(s, t, i):
    rows = [
        (softmax(a / 0.2), softmax(b / 0.2)) for a, b in zip(similarities(t[i]), similarities(s[i]))
    ]
    return np.mean([(p * np.log(p / q)).sum() for p, q in rows])


def features(task, channels, seed):
    shape = (5, channels) if task == 'global' else (5, channels, 3, 4)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('task, name', ALL)
def test_distance_is_the_formula(task, name):
    # dense distances need no equal channels
    student = features(task, 7 if task == 'global' else 6, 0)
    teacher = features(task, 7, 1)
    distance = build_distance(task, name)
    got = distance(student, distance.target(teacher))
    assert got.shape == (5,)
    plain = globals()[f'{task}_{name}']
    s, t = student.double().numpy(), teacher.double().numpy()
    want = [plain(s, t, i) for i in range(5)]
    np.testing.assert_allclose(got.double().numpy(), want, rtol=2e-6)


@pytest.mark.parametrize('task, name', ALL)
def test_the_teacher_is_nearest_to_itself(task, name):
    teacher, other = features(task, 7, 0), features(task, 7, 1)
    distance = build_distance(task, name)
    target = distance.target(teacher)
    own = distance(teacher, target)
    assert (distance(other, target) > own).all()
    if name != 'relation':  # whose least value is the teacher's entropy
        assert own.abs().max() < 1e-12
    # lengths carry nothing
    torch.testing.assert_close(distance(3 * other, target), distance(other, target))


def test_names():
    assert distances_of('global') == ['cosine', 'mse', 'relation']
    assert distances_of('dense') == ['cosine', 'kl', 'mse']
    assert type(build_distance('global')) is DISTANCES.get('global_cosine')
    assert type(build_distance('dense')) is DISTANCES.get('dense_mse')
    with pytest.raises(UserError, match='distance: .kl. is unknown for task global; choose from'):
        build_distance('global', 'kl')
    with pytest.raises(UserError, match='task'):
        build_distance('sparse')


def test_relation_needs_company():
    with pytest.raises(UserError, match='at least 2 images'):
        build_distance('global', 'relation').target(torch.ones(1, 4))
