import pytest

from gaia_ssl.search.strategies import build_strategy, strategy_names
from gaia_ssl.utils import UserError


@pytest.mark.parametrize('name', strategy_names())
def test_settings_come_back(name):
    given = dict(archs=[dict(depth=[1])]) if name == 'listed' else {}
    strategy = build_strategy(dict(type=name, **given))
    assert strategy.to_dict()['type'] == name
    assert build_strategy(strategy.to_dict()) == strategy


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(type='luck'), "strategy: 'luck' is not one of "),
        (dict(), 'strategy: None is not one of auto, evolution, exhaustive, listed, pareto'),
        (dict(type='random', population=3), "population: strategy 'random' has no such setting"),
        (dict(type='exhaustive', num=3), "num: strategy 'exhaustive' has no such setting"),
        (dict(type='evolution', num=0), 'num: 0 archs'),
        (dict(type='evolution', population=0), 'population: 0 archs'),
        (dict(type='random', seed=-1), 'seed: -1 is negative'),
        (dict(type='random', num='100'), "num: '100' is of the wrong type; give a whole number"),
        (dict(type='pareto', costs='flops'), "costs: 'flops' is of the wrong type"),
        (dict(type='random', share_prefixes=0), 'share_prefixes: 0 archs'),
        (dict(type='pareto', offspring=0), 'offspring: 0 per arch'),
        (dict(type='evolution', mutation=1.5), 'mutation: 1.5 is not a probability'),
    ],
)
def test_unfit_settings(settings, message):
    with pytest.raises(UserError, match=message):
        build_strategy(settings)


def test_seed_is_a_default():
    assert build_strategy(dict(type='random'), 3).seed == 3
    assert build_strategy(dict(type='random', seed=5), 3).seed == 5
    assert build_strategy(dict(type='exhaustive'), 3) == build_strategy(dict(type='exhaustive'))
