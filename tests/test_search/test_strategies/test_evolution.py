import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gaia_ssl.search.feasible import CostModel, Feasible
from gaia_ssl.search.strategies import Evolution, Pareto, Random
from gaia_ssl.search.strategies.evolution import crowding_distance, sort_by_front
from gaia_ssl.space import Budget, get_space
from gaia_ssl.utils import UserError


def make_distances(feasible):
    """Distances that fall with the size of each stage, some stages counting more, and noise."""
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.2, 1, 8)
    rows = np.array([[*c.arch['width'], *c.arch['depth']] for c in feasible], float)
    rows = (rows - rows.min(0)) / np.ptp(rows, axis=0).clip(1e-9)
    return 1 + weights.sum() - rows @ weights + rng.normal(0, 0.02, len(rows))


@pytest.fixture(scope='module')
def distances(feasible):
    return make_distances(feasible)


@pytest.mark.parametrize('strategy', [Evolution, Pareto])
def test_rounds_are_new_feasible_archs_and_replay(feasible, play, distances, strategy):
    settings = strategy(num=50, seed=1, population=12)
    rounds = play(settings, feasible, distances.__getitem__)
    assert [len(r) for r in rounds] == [12, 12, 12, 12, 2]
    scored = list(itertools.chain(*rounds))
    assert len(set(scored)) == 50 and set(scored) <= set(range(len(feasible)))
    assert rounds == play(settings, feasible, distances.__getitem__)
    assert rounds != play(strategy(num=50, seed=2, population=12), feasible, distances.__getitem__)


def test_all_are_scored_where_there_are_few(feasible, play, distances):
    rounds = play(Evolution(num=10**6, population=200), feasible, distances.__getitem__)
    assert sorted(itertools.chain(*rounds)) == list(range(len(feasible)))


def test_evolution_beats_chance_and_prediction_beats_both(feasible, play, distances):
    num = len(feasible) // 20
    best = distances.min()

    def found(strategy):
        rounds = play(strategy, feasible, distances.__getitem__)
        return distances[list(itertools.chain(*rounds))].min()

    evolved = [found(Evolution(num, seed, population=8)) for seed in range(10)]
    unguided = [found(Evolution(num, seed, population=8, offspring=1)) for seed in range(10)]
    drawn = [found(Random(num, seed)) for seed in range(10)]
    assert min(evolved + unguided + drawn) >= best
    assert np.mean(evolved) < np.mean(unguided) < np.mean(drawn)


def test_evolution_is_near_the_best_with_a_twentieth_of_the_evaluations(play):
    space = get_space('tiny10to22')
    feasible = Feasible(CostModel(space, 64), Budget(flops=(4e6, 6e6)))
    distances = make_distances(feasible)
    for seed in range(6):
        rounds = play(Evolution(len(feasible) // 20, seed), feasible, distances.__getitem__)
        assert distances[list(itertools.chain(*rounds))].min() <= 1.02 * distances.min()


def test_pareto_finds_more_of_the_front_than_chance(feasible, play, distances):
    from gaia_ssl.utils.pareto import pareto_front

    flops = feasible.costs['flops'][feasible.indices]
    points = np.stack([distances, flops], axis=1)
    front = set(pareto_front(points).tolist())

    def found(strategy):
        rounds = play(strategy, feasible, distances.__getitem__)
        return len(front & set(itertools.chain(*rounds)))

    num = len(feasible) // 8
    evolved = np.mean([found(Pareto(num, seed, population=10)) for seed in range(8)])
    drawn = np.mean([found(Random(num, seed)) for seed in range(8)])
    assert evolved > 1.5 * drawn


def test_unknown_costs(feasible):
    with pytest.raises(UserError, match="costs: 'latency' is not known here; take flops, params"):
        Pareto(costs=['latency']).check(feasible)


POINTS = arrays(float, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.integers(0, 5))


@settings(max_examples=60, deadline=None)
@given(POINTS)
def test_the_order_is_by_fronts(values):
    order = sort_by_front(values)
    assert sorted(order) == list(range(len(values)))
    # the front of each point, by peeling one after the other
    front, left = np.full(len(values), -1), set(range(len(values)))
    for number in itertools.count():
        if not left:
            break
        best = {
            i
            for i in left
            if not any(
                (values[j] <= values[i]).all() and (values[j] < values[i]).any() for j in left
            )
        }
        front[list(best)] = number
        left -= best
    assert front[order].tolist() == sorted(front)


def test_crowding_is_the_box_up_to_the_neighbours():
    values = np.array([[0, 10], [1, 6], [4, 5], [10, 0]], float)
    got = crowding_distance(values)
    assert np.isinf(got[[0, 3]]).all()
    np.testing.assert_allclose(got[1:3], [4 / 10 + 5 / 10, 9 / 10 + 6 / 10])
    assert (crowding_distance(np.ones((1, 2))) == np.inf).all()
