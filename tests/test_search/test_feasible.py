import re

import numpy as np
import pytest

from gaia_ssl.search.feasible import CostModel, Feasible
from gaia_ssl.space import Budget, count_cost, get_space
from gaia_ssl.utils import UserError

SPACE = get_space('tiny10to22')


def feasible(budget, size=64, space=SPACE):
    budget = Budget(**budget)
    return Feasible(CostModel(space, size, list(budget.intervals)), budget)


def test_all_that_the_budget_holds():
    found = feasible({'flops': (4e6, 6e6), 'params': (4e5, 6e5), 'memory@96x64': (0, 1.6e5)})
    want = []
    for arch in SPACE:
        cost, other = count_cost(SPACE, arch, 64), count_cost(SPACE, arch, (96, 64))
        if 4e6 <= cost.flops < 6e6 and 4e5 <= cost.params < 6e5 and other.memory < 1.6e5:
            costs = {**cost._asdict(), 'memory@96x64': other.memory}
            want.append((arch, costs))
    assert [tuple(candidate) for candidate in found] == want != []
    rows = found.indices
    assert found.costs['memory@96x64'][rows].tolist() == [c['memory@96x64'] for _, c in want]
    assert all(type(value) is int for value in found[0].costs.values())  # plain numbers


def test_latency_needs_a_table():
    with pytest.raises(UserError, match='latency: a budget needs measured times; give latencies'):
        feasible(dict(latency=(0, 1)))


class Table:
    """Latencies that are easy to compute."""

    def latency(self, arch):
        return sum(arch['depth']) / 1000


def test_latency():
    budget = Budget(latency=(0, 0.008))
    found = Feasible(CostModel(SPACE, 64, ['latency'], Table()), budget)
    assert len(found) == sum(sum(arch['depth']) < 8 for arch in SPACE) > 0
    assert found[0].costs['latency'] == sum(found[0].arch['depth']) / 1000
    with pytest.raises(UserError, match=r'latency: no arch .* nearest feasible values are 0\.00'):
        Feasible(CostModel(SPACE, 64, ['latency'], Table()), Budget(latency=(0, 1e-3)))


def test_all_of_the_papers_space():
    assert len(feasible(dict(flops=(5e9, 6e9)), 224, get_space('ar50to101'))) == 15651


@pytest.mark.parametrize(
    'budget',
    [
        dict(flops=(0, 1)),
        dict(flops=(9e6, 9.0001e6)),
        dict(flops=(1e12, 2e12)),
        dict(params=(1e9, 2e9)),
        dict(memory=(0, 10)),
        dict(flops=(4e6, 6e6), params=(1, 2)),
    ],
)
def test_an_infeasible_budget_names_values_that_work(budget):
    with pytest.raises(UserError, match='nearest feasible values are') as caught:
        feasible(budget)
    assert '\n' not in str(caught.value)
    named = re.findall(r'(\w+): no arch.*?values are ([^;]*)', str(caught.value))
    assert named
    for cost, values in named:
        for value in re.findall(r'(\d+) \(', values):
            mended = dict(budget, **{cost: (int(value), int(value) + 1)})
            assert len(feasible(mended))


def test_budgets_that_exclude_each_other_alone():
    with pytest.raises(UserError, match='it has flops .* to .*, params'):
        feasible(dict(flops=(1e12, 2e12), params=(1e12, 2e12)))
    assert np.isinf(Budget().intervals['flops'][1])
