import random

import numpy as np
import torch

from gaia_ssl.utils.seed import keeping_generators, seed_generators


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item(), torch.randperm(50).tolist()


def test_only_the_key_matters():
    seed_generators(1, 2, 3)
    first = draw()
    draw()
    seed_generators(1, 2, 3)
    assert draw() == first
    seed_generators(1, 2, 4)
    assert all(one != other for one, other in zip(draw(), first))


def test_generators_are_kept():
    seed_generators(1)
    expected = draw()
    seed_generators(1)
    with keeping_generators():
        draw()
    assert draw() == expected
