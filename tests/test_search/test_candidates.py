import pytest

from gaia_ssl.search import SearchSettings
from gaia_ssl.search.candidates import Candidates
from gaia_ssl.space import Budget, count_cost, get_space
from gaia_ssl.utils import UserError

SPACE = get_space('tiny10to22')


def test_terms_costs_and_strategy_follow_from_the_settings():
    budget, strategy = Budget(flops=(2e7, 4e7)), dict(type='evolution', num=7)
    settings = SearchSettings('dense', 'kl', (1, 2), dict(grid=5), budget, None, strategy, seed=4)
    found = Candidates(SPACE, settings)
    [term] = found.terms
    assert (term.name, term.stages, term.score.grid) == ('dense_kl', (1, 2), 5)
    costs = [count_cost(SPACE, arch, 224).flops for arch in SPACE]
    assert len(found.feasible) == sum(2e7 <= flops < 4e7 for flops in costs)
    assert (found.strategy.num, found.strategy.seed) == (7, 4)
    assert list(found.anchors) == list(SPACE.anchors)
    assert found.anchors['MAX'].costs['flops'] == count_cost(SPACE, SPACE.max, 224).flops


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(stages=(4,)), r'stages: \[4\] are not among 0 to 3'),
        (dict(input_size=32), 'the maps of stage 3 are 1x1'),
        (dict(budget=Budget(flops=(1e12, 2e12))), 'nearest feasible values'),
        (dict(budget=Budget(latency=(0, 1))), 'latency: a budget needs measured times'),
        (dict(strategy=dict(type='pareto', costs=['latency'])), "costs: 'latency' is not known"),
        (dict(strategy=dict(type='luck')), "strategy: 'luck' is not one of"),
    ],
)
def test_settings_that_do_not_fit_the_space(options, message):
    with pytest.raises(UserError, match=message):
        Candidates(SPACE, SearchSettings('dense', **options))
