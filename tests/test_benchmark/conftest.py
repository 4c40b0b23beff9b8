"""A small supernet to train, and a batch for it."""

import pytest
import torch

from gaia_ssl.benchmark import iterations
from gaia_ssl.space import get_space

BATCH = 4


@pytest.fixture
def supernet():
    torch.manual_seed(0)
    return iterations.build_supernet(get_space('tiny10to22'), BATCH)


@pytest.fixture
def data():
    return iterations.make_batch(BATCH, 32, 'cpu')
