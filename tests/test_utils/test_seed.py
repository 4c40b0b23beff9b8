import random

import numpy as np
import torch

from gaia_ssl.utils.seed import seed_generators


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
