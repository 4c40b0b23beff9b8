import numpy as np
import pytest

from gaia_ssl.search.strategies.breeding import Breeder


@pytest.fixture
def breeder(feasible):
    return Breeder(feasible, seed=0, crossover=0.5, mutation=0.1)


def test_digits_are_the_choices(feasible, breeder):
    dims = feasible.space.dims
    for index in (0, len(feasible) // 2, len(feasible) - 1):
        chosen = [values[digit] for (_, values), digit in zip(dims, breeder.digits[index])]
        arch = feasible[index].arch
        assert chosen == [arch['stem_width'], *arch['width'], *arch['depth']]


def test_offspring_are_new_and_feasible(feasible, breeder):
    parents = breeder.drawn(10)
    brood = breeder.offspring(parents, 60, parents)
    assert len(set(brood)) == 60
    assert not set(brood) & set(parents)
    assert set(brood) <= set(range(len(feasible)))


def test_without_mutation_every_number_is_a_parents(feasible):
    breeder = Breeder(feasible, seed=0, crossover=1.0, mutation=0.0)
    parents = breeder.drawn(6)
    # few enough that no random arch has to fill up
    for child in breeder.offspring(parents, 3, parents):
        among = breeder.digits[child] == breeder.digits[parents]
        assert among.any(0).all()


def test_the_better_parents_have_more_children(feasible):
    breeder = Breeder(feasible, seed=0, crossover=0.0, mutation=0.0)
    parents = breeder.drawn(4)
    # without crossover and mutation an only child is the winner of a tournament of two
    winners = [parents.index(*breeder.offspring(parents, 1, [])) for _ in range(4000)]
    # of 16 pairs, the best is in 7, the next in 5 without it, then 3, then 1
    np.testing.assert_allclose(np.bincount(winners) / 4000, np.array([7, 5, 3, 1]) / 16, atol=0.03)


def test_random_archs_fill_up_what_cannot_be_bred(feasible):
    breeder = Breeder(feasible, seed=0, crossover=0.0, mutation=0.0)  # only copies of parents
    parents = breeder.drawn(3)
    assert len(set(breeder.offspring(parents, 5, parents)) - set(parents)) == 5
    left = len(feasible) - 3
    everything = [*parents, *breeder.offspring(parents, left + 7, parents)]
    assert sorted(everything) == list(range(len(feasible)))
