import numpy as np
import pytest

from gaia_ssl.search.strategies import Auto, Evolution, Exhaustive


def test_takes_all_where_they_are_few(feasible, play):
    number = -(-len(feasible) // 10)
    few = Auto(number)
    assert play(few, feasible) == play(Exhaustive(), feasible)
    assert few.number(feasible) == len(feasible)


@pytest.mark.parametrize('seed', [0, 1])
def test_evolves_where_they_are_many(feasible, play, seed):
    many = Auto((len(feasible) - 1) // 10, seed)

    def distances(indices):
        return np.array(indices) % 17.0

    assert play(many, feasible, distances) == play(
        Evolution(many.num, seed=seed), feasible, distances
    )
    assert many.number(feasible) == many.num < len(feasible)
