"""Budgets and the quantities they are written in."""

import math

import pytest

from gaia_ssl.space import Budget, parse_duration, parse_quantity
from gaia_ssl.space.budget import split_cost
from gaia_ssl.utils import UserError


@pytest.mark.parametrize(
    'text, value',
    [('3G', 3e9), ('40.5M', 40.5e6), ('25k', 25e3), ('4e9', 4e9), (7, 7), (' 2 g', 2e9)],
)
def test_parse_quantity(text, value):
    assert parse_quantity(text) == value


@pytest.mark.parametrize('text', ['', 'G', '3X', '-1G', 'nan', 'three'])
def test_what_is_no_quantity(text):
    with pytest.raises(UserError, match='is not a quantity such as 3G'):
        parse_quantity(text)


def test_what_a_quantity_was_given_for():
    with pytest.raises(UserError, match="^max_memory: '8GB' is not a quantity"):
        parse_quantity('8GB', 'max_memory')


@pytest.mark.parametrize(
    'text, value',
    [('20ms', 0.02), ('0.5s', 0.5), (' 800 us', 8e-4), ('1.5MS', 1.5e-3), ('2e-3', 2e-3), (3, 3)],
)
def test_parse_duration(text, value):
    assert parse_duration(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize('text', ['', 'ms', '20m', '3G', '-1ms', 'nan', 'nans', 'long'])
def test_what_is_no_duration(text):
    with pytest.raises(UserError, match='is not a duration such as 20ms'):
        parse_duration(text)


def test_flops_and_params_are_always_there():
    assert Budget().intervals == dict(flops=(0, math.inf), params=(0, math.inf))
    budget = Budget(params=(0, 10), **{'flops@800x1333': (1, 2)})
    assert budget.intervals == {
        'flops': (0, math.inf),
        'params': (0, 10),
        'flops@800x1333': (1, 2),
    }


def test_parse():
    budget = Budget.parse(dict(flops=['3G', '4G'], latency=('0', '20ms')))
    assert budget.intervals['flops'] == (3e9, 4e9)
    assert budget.intervals['latency'] == (0, 0.02)
    for bounds in ('3G', ['3G'], ['3G', '4G', '5G'], 5, None):
        with pytest.raises(UserError, match='flops: .* is not an interval; give LOW HIGH'):
            Budget.parse(dict(flops=bounds))
    with pytest.raises(UserError, match="budget: '5G' is not a dict; give e.g. dict"):
        Budget.parse('5G')


@pytest.mark.parametrize(
    'name, cost', [('flops', ('flops', None)), ('memory@224', ('memory', (224, 224)))]
)
def test_split_cost(name, cost):
    assert split_cost(name) == cost


@pytest.mark.parametrize('name', ['time', 'params@224', 'latency@224', 'flops@0', 'flops@1x2x3'])
def test_what_is_no_cost(name):
    with pytest.raises(UserError, match='is not a cost|is not a size'):
        Budget(**{name: (0, 1)})


@pytest.mark.parametrize('interval', [(4, 3), (3, 3), (math.nan, 1)])
def test_empty_interval_names_its_field(interval):
    with pytest.raises(UserError, match='params: the budget from .* is empty; give low < high'):
        Budget(params=interval)
