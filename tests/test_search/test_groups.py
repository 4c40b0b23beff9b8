import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_ssl.search.groups import (
    ROOM,
    micro_batches,
    plan_batches,
    plan_shares,
    split_groups,
)
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
    assert split_groups(1, 64, statistics=False) == [range(1)]


SIZES = st.lists(st.integers(2, 64), min_size=1, max_size=12)


@given(SIZES, st.integers(1, 1000), st.integers(1, 5), st.integers(2, 10**6))
def test_batches_are_whole_groups_below_the_memory(sizes, need, micro_batch, spare):
    free = plan_batches(sizes, need, micro_batch, None)
    assert free.batches == micro_batches(len(sizes), micro_batch) and free.room == ROOM
    bound = need * max(sizes) + spare
    plan = plan_batches(sizes, need, micro_batch, bound)
    assert [g for batch in plan.batches for g in batch] == list(range(len(sizes)))
    used = [need * sum(sizes[g] for g in batch) for batch in plan.batches]
    assert max(used) + plan.room == bound and plan.room >= 0
    # one group more at once could exceed it
    assert (len(plan.batches[0]) + 1) * need * max(sizes) > bound or len(plan.batches) == 1


def test_too_little_memory_for_a_group():
    assert len(plan_batches([4, 5], 10, 3, 50).batches) == 2
    with pytest.raises(UserError, match='max_memory: .* a group of 5 images .* lower bn_group'):
        plan_batches([4, 5], 10, 1, 49)


def test_calibrated_statistics_take_a_share_at_once():
    plan = plan_shares([4, 5, 5], 10, 100, processes=2)
    assert plan.batches == [range(0, 1), range(1, 3)] and plan.room == 0
    with pytest.raises(UserError, match='max_memory: .* take all 10 images of a process'):
        plan_shares([4, 5, 5], 10, 99, processes=2)
    with pytest.raises(UserError, match='bn_policy: .* 4 processes, but there are 3; start fewer'):
        plan_shares([4, 5, 5], 10, None, processes=4)
