"""A space small enough to list, and how far counts may be from what is expected."""

from collections import Counter
from types import SimpleNamespace

import pytest

from gaia_ssl.space import SearchSpace

CHOICES = dict(stem_width=[8, 12], width=[[8, 16], [16, 32]], depth=[[1, 2], [1, 4]])


def make_space(choices=CHOICES):
    family = dict(type='resnet', block='basic', stem='3x3', strides=[1, 2], dilations=[1, 1])
    return SearchSpace.from_dict(dict(name='small', family=family, choices=choices))


def check_shares(drawn, expected):
    """Pearson's statistic of draws against expected shares, within six standard deviations."""
    counts = Counter(drawn)
    assert counts.keys() <= expected.keys()
    total = sum(counts.values())
    statistic = sum((counts[k] - total * p) ** 2 / (total * p) for k, p in expected.items())
    freedom = len(expected) - 1
    assert statistic < freedom + 6 * (2 * freedom) ** 0.5


@pytest.fixture
def small():
    """A space of 32 archs, and the check of shares."""
    return SimpleNamespace(space=make_space(), check_shares=check_shares)


@pytest.fixture
def one():
    """A space of one arch."""
    return make_space(dict(stem_width=[8], width=[[8], [16]], depth=[[1], [2]]))
