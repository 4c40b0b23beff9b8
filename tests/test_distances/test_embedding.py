"""Global distances against a plain computation, image by image in NumPy."""

import numpy as np
import pytest
import torch

from gaia_ssl.distances import build_distance
from gaia_ssl.utils import UserError


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def softmax(row):
    exp = np.exp(row - row.max())
    return exp / exp.sum()


def cosine(s, t, i):
    return 1 - unit(s)[i] @ unit(t)[i]


def mse(s, t, i):
    return ((unit(s)[i] - unit(t)[i]) ** 2).mean()


def relation(s, t, i, temperature=0.2):
    others = [j for j in range(len(s)) if j != i]
    p = softmax(unit(t)[others] @ unit(t)[i] / temperature)
    q = softmax(unit(s)[others] @ unit(s)[i] / temperature)
    return -(p * np.log(q)).sum()


@pytest.mark.parametrize(
    'plain, options', [(cosine, {}), (mse, {}), (relation, {}), (relation, dict(temperature=0.7))]
)
def test_distance_is_the_formula(plain, options):
    student, teacher = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    distance = build_distance('global', plain.__name__, **options)
    got = distance(student, distance.target(teacher))
    s, t = student.double().numpy(), teacher.double().numpy()
    want = [plain(s, t, i, **options) for i in range(5)]
    np.testing.assert_allclose(got.numpy(), want, rtol=2e-6)


def test_relation_to_a_queue():
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 5, 7, generator=generator)
    queue = torch.randn(11, 7, generator=generator)
    distance = build_distance('global', 'relation', temperature=0.3)
    columns = torch.nn.functional.normalize(queue).T
    got = distance(student, distance.target(teacher, columns), columns)
    s, t, others = (unit(x.double().numpy()) for x in (student, teacher, queue))
    for i in range(5):
        p, q = (softmax(others @ x[i] / 0.3) for x in (t, s))
        np.testing.assert_allclose(got[i], -(p * np.log(q)).sum(), rtol=1e-5)
    # an image alone has relations, too
    alone, all_of_them = (distance.target(x, columns) for x in (teacher[:1], teacher))
    torch.testing.assert_close(alone, all_of_them[:1])


def test_relation_needs_company():
    with pytest.raises(UserError, match='at least 2 images'):
        build_distance('global', 'relation').target(torch.ones(1, 4))
