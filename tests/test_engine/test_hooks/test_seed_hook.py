import random

import numpy as np
import torch

from gaia_ssl.engine.hooks import SeedHook


class Runner:
    def __init__(self, seed=0, iter=0, rank=0):
        self.seed, self.iter, self.rank = seed, iter, rank


def draws(**numbers):
    SeedHook().before_train_iter(Runner(**numbers), batch_idx=0)
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_each_seed_iteration_and_rank_has_its_own_draws():
    cases = [dict(), dict(seed=1), dict(iter=1), dict(rank=1), dict(iter=2, rank=3)]
    first = [draws(**case) for case in cases]
    torch.rand(7)
    assert [draws(**case) for case in cases] == first
    for column in zip(*first):
        assert len(set(column)) == len(cases)
