"""Seed the global random generators."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def seed_generators(*key: int) -> None:
    """Seed the global generators of Python, NumPy and torch from ``key`` alone.

    Args:
        key: Non-negative numbers that identify the draws, such as (seed, epoch, index).
    """
    for_python, for_torch, *for_numpy = np.random.SeedSequence(key).generate_state(6).tolist()
    random.seed(for_python)
    np.random.seed(for_numpy)
    # torch.manual_seed is slow before CUDA is initialised, and this runs for every sample
    torch.default_generator.manual_seed(for_torch)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(for_torch)


@contextmanager
def keeping_generators() -> Iterator[None]:
    """Leave the global generators of Python, NumPy and torch as they were."""
    states = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        yield
    random.setstate(states[0])
    np.random.set_state(states[1])
