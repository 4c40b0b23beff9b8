import json
import re

import pytest

from gaia_ssl.search.strategies import Feasible, exhaustive, random
from gaia_ssl.space import Budget, count_cost, get_space
from gaia_ssl.utils import UserError

SPACE = get_space('tiny10to22')


@pytest.fixture(scope='module')
def feasible():
    return Feasible(SPACE, Budget(flops=(4e6, 6e6), params=(4e5, 6e5)), 64)


def test_exhaustive_is_all_that_the_budget_holds(feasible):
    found = [c.arch for c in exhaustive(feasible, 0, 0)]
    budget = Budget(flops=(4e6, 6e6), params=(4e5, 6e5))
    assert found == [a for a in SPACE if count_cost(SPACE, a, 64) in budget]


def test_random_is_distinct_seeded_and_within_the_budget(feasible):
    drawn = random(feasible, 40, 3)
    assert drawn == random(feasible, 40, 3) != random(feasible, 40, 4)
    assert len({json.dumps(c.arch) for c in drawn}) == 40
    for arch, cost in drawn:
        assert arch in SPACE and cost == count_cost(SPACE, arch, 64)
        assert 4e6 <= cost.flops < 6e6 and 4e5 <= cost.params < 6e5
        json.dumps(cost)  # plain numbers


def test_random_takes_all_where_there_are_fewer(feasible):
    assert random(feasible, 10**6, 0) == exhaustive(feasible, 0, 0)
    with pytest.raises(UserError, match='num: 0'):
        random(feasible, 0, 0)


def test_all_of_the_papers_space():
    assert len(Feasible(get_space('ar50to101'), Budget(flops=(5e9, 6e9)), 224)) == 15651


@pytest.mark.parametrize(
    'budget',
    [
        dict(flops=(0, 1)),
        dict(flops=(9e6, 9.0001e6)),
        dict(flops=(1e12, 2e12)),
        dict(params=(1e9, 2e9)),
        dict(flops=(4e6, 6e6), params=(1, 2)),
    ],
)
def test_an_infeasible_budget_names_values_that_work(budget):
    with pytest.raises(UserError, match='nearest feasible values are') as caught:
        Feasible(SPACE, Budget(**budget), 64)
    assert '\n' not in str(caught.value)
    named = re.findall(r'(flops|params): no arch.*?values are ([^;]*)', str(caught.value))
    assert named
    for cost, values in named:
        for value in re.findall(r'(\d+) \(', values):
            mended = dict(budget, **{cost: (int(value), int(value) + 1)})
            assert len(Feasible(SPACE, Budget(**mended), 64))


def test_budgets_that_exclude_each_other_alone():
    with pytest.raises(UserError, match='it has flops .* to .*, params'):
        Feasible(SPACE, Budget(flops=(1e12, 2e12), params=(1e12, 2e12)), 64)
