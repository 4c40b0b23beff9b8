from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from gaia_ssl.utils import UserError
from gaia_ssl.utils.validation import arguments, check_keys, check_numbers, check_types


@dataclass
class Settings:
    number: int = 1
    share: float = 0.5
    name: str | None = None
    switch: bool = False
    stages: Sequence[int] | None = None
    costs: tuple[str, ...] = ()
    weights: str | dict[str, float] = 'mse'
    options: dict[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize(
    'options',
    [
        dict(),
        dict(number=np.int64(3), share=1, name='a', switch=True),
        dict(share=np.float32(1), stages=range(3), costs=['flops']),
        dict(stages=(), weights=dict(mse=1, kl=0.5), options=dict(any=object())),
    ],
)
def test_fit(options):
    check_types(Settings(**options))


@pytest.mark.parametrize(
    'options, wanted',
    [
        (dict(number='3'), 'a whole number'),
        (dict(number=0.5), 'a whole number'),
        (dict(number=True), 'a whole number'),
        (dict(number=None), 'a whole number'),
        (dict(share='1'), 'a number'),
        (dict(name=3), 'a string'),
        (dict(switch=1), 'a bool'),
        (dict(stages=3), 'a list of whole numbers'),
        (dict(stages=['3']), 'a list of whole numbers'),
        (dict(costs='flops'), 'a list of strings'),
        (dict(weights=['mse']), 'a string or a dict of numbers'),
        (dict(weights=dict(mse='1')), 'a string or a dict of numbers'),
        (dict(options='grid'), 'a dict'),
    ],
)
def test_unfit(options, wanted):
    [(name, value)] = options.items()
    with pytest.raises(UserError) as error:
        check_types(Settings(**options))
    assert str(error.value) == f'{name}: {value!r} is of the wrong type; give {wanted}'


class Base:
    def __init__(self, rate: float | None = None, steps=3, **kwargs):
        pass


class Derived(Base):
    def __init__(self, name, count: int = 1, scale: int | tuple = 3, *args, **kwargs):
        pass


def test_arguments_of_all_constructors():
    assert list(arguments(Derived)) == ['name', 'count', 'scale', 'rate', 'steps']


@pytest.mark.parametrize('name', ['rate', 'steps', 'count'])
def test_a_text_in_place_of_a_number(name):
    with pytest.raises(UserError, match=f"^hooks.0.{name}: 'x' is not a number; give one"):
        check_numbers(Derived, {name: 'x'}, 'hooks.0')
    for value in (1, 1.5, True, None, np.int64(3)):
        check_numbers(Derived, {name: value}, 'hooks.0')


def test_other_arguments_are_not_looked_at():
    check_numbers(Derived, dict(name='x', scale='x', unknown='x'), 'hooks.0')


def test_settings_that_nothing_reads():
    check_keys(dict(rate=1, _scope_='mmdet'), ['rate', 'steps'], 'hooks.0')
    with pytest.raises(UserError) as error:
        check_keys(dict(rate=1, step=2), ['rate', 'steps'], 'hooks.0')
    assert str(error.value) == 'hooks.0.step: unknown setting; hooks.0 may have rate, steps'
