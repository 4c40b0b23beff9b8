import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_ssl.search.groups import check_limits, micro_batches, split_groups
from gaia_ssl.utils import UserError


@given(st.integers(2, 5000), st.integers(4, 100))
def test_groups_are_consecutive_few_and_nearly_equal(images, bn_group):
    groups = split_groups(images, bn_group)
    assert [i for group in groups for i in group] == list(range(images))
    assert len(groups) == math.ceil(images / bn_group)
    sizes = set(map(len, groups))
    assert max(sizes) - min(sizes) <= 1
    assert 2 <= min(sizes) and max(sizes) <= bn_group


@given(st.integers(0, 50), st.integers(1, 60))
def test_micro_batches_hold_whole_groups_in_order(number, size):
    batches = micro_batches(number, size)
    assert [g for batch in batches for g in batch] == list(range(number))
    assert all(1 <= len(batch) <= size for batch in batches)


def test_too_small():
    with pytest.raises(UserError, match='bn_group: 3 images'):
        split_groups(100, 3)
    with pytest.raises(UserError, match='images: 1 image'):
        split_groups(1, 64)


def test_limits():
    assert check_limits() == dict(micro_batch=1, max_memory=None)
    limits = check_limits(3, '8G')
    assert limits == dict(micro_batch=3, max_memory=8e9)
    assert check_limits(**limits) == limits


@pytest.mark.parametrize(
    'limits, message',
    [
        (dict(micro_batch=0), 'micro_batch: 0 groups; give a whole number, 1 or more'),
        (dict(micro_batch=-3, max_memory='8G'), 'micro_batch: -3 groups'),
        (dict(micro_batch='2'), "micro_batch: '2' groups"),
        (dict(max_memory=0), 'max_memory: 0 bytes; give a quantity such as 8G'),
        (dict(max_memory='inf'), 'max_memory: inf bytes'),
        (dict(max_memory='8GB'), "max_memory: '8GB' is not a quantity such as 3G"),
        (dict(max_memory=''), "max_memory: '' is not a quantity"),
    ],
)
def test_unfit_limits(limits, message):
    with pytest.raises(UserError, match=message):
        check_limits(**limits)
