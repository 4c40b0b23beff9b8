import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.utils.pareto import pareto_front, pareto_rows

# few values, so that ties and equal points are common
tables = st.integers(1, 4).flatmap(
    lambda k: st.lists(st.lists(st.integers(-3, 3), min_size=k, max_size=k), min_size=1)
)


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b)) and a != b


@settings(max_examples=200, deadline=None)
@given(tables)
def test_the_front_is_what_nothing_dominates(points):
    front = [i for i, p in enumerate(points) if not any(dominates(q, p) for q in points)]
    assert pareto_front(points).tolist() == front


def test_nothing_and_infinity():
    assert pareto_front(np.empty((0, 2))).tolist() == []
    assert pareto_front([[np.inf, 0], [np.inf, 1], [0, np.inf]]).tolist() == [0, 2]


@pytest.mark.parametrize('points', [[[0, np.nan]], [1, 2]])
def test_no_table_of_numbers(points):
    with pytest.raises(ValueError, match='table'):
        pareto_front(points)


@pytest.mark.parametrize('objectives, seconds', [(2, 0.5), (3, 5)])
def test_a_whole_space_is_quick(objectives, seconds):
    points = np.random.default_rng(0).random((85_293, objectives))
    begin = time.process_time()
    front = pareto_front(points)
    assert time.process_time() - begin < seconds
    # about (ln N)^(K-1) / (K-1)! of independent points are on the front
    assert 3 < len(front) < 300


def test_rows():
    costs = [(0.1, 9, 5), (0.2, 8, 6), (0.3, 8, 4), (0.4, 1, 9)]
    rows = [dict(distance=d, flops=f, params=p) for d, f, p in costs]
    assert pareto_rows(rows) == [rows[i] for i in (0, 1, 3)]
    assert pareto_rows(rows, ['params']) == [rows[i] for i in (0, 2)]
    assert pareto_rows(rows, ['flops', 'params']) == rows
    assert pareto_rows(rows, []) == rows[:1]
    assert pareto_rows([]) == []
