import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_ssl.search.groups import micro_batches, split_groups
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
    with pytest.raises(UserError, match='micro_batch'):
        micro_batches(4, 0)
