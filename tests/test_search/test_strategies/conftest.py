"""Archs within a budget, and rounds that are played."""

import numpy as np
import pytest

from gaia_ssl.search.feasible import CostModel, Feasible
from gaia_ssl.space import Budget, get_space


@pytest.fixture(scope='session')
def feasible():
    """Some archs of a small space."""
    space = get_space('tiny10to22')
    return Feasible(CostModel(space, 64), Budget(flops=(4e6, 6e6), params=(4e5, 6e5)))


@pytest.fixture(scope='session')
def play():
    """Plays a strategy's rounds; ``distances`` maps indices to distances."""

    def play(strategy, feasible, distances=lambda indices: np.zeros(len(indices))):
        generator, rounds, answer = strategy.rounds(feasible), [], None
        while True:
            try:
                rounds.append(generator.send(answer))
            except StopIteration:
                return rounds
            answer = distances(rounds[-1])

    return play
