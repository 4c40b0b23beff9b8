from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from gaia_ssl.space import FlopsUniformSampler, count_cost, get_space
from gaia_ssl.space.samplers import flops, flops_bins
from gaia_ssl.utils import UserError


def bins_by_hand(space, num_bins, input_size):
    """Archs by bin, from the definition."""
    cost = {str(arch): count_cost(space, arch, input_size).flops for arch in space}
    low, high = cost[str(space.min)], cost[str(space.max)]
    bins = defaultdict(list)
    for arch, value in cost.items():
        bins[min(int((value - low) / ((high - low) / num_bins)), num_bins - 1)].append(arch)
    return bins


@pytest.mark.parametrize('num_bins', [1, 4, 7])
def test_every_bin_is_as_likely_and_every_arch_in_it(small, num_bins):
    bins = bins_by_hand(small.space, num_bins, 32)
    expected = {arch: 1 / len(bins) / len(archs) for archs in bins.values() for arch in archs}
    assert len({round(p, 9) for p in expected.values()}) > 1 or num_bins == 1
    sampler = FlopsUniformSampler(num_bins=num_bins, input_size=32)
    drawn = [str(sampler.sample(small.space, i)[0]) for i in range(6400)]
    small.check_shares(drawn, expected)


def test_empty_bins_have_no_mass(small):
    filled = bins_by_hand(small.space, 50, 32)
    assert len(filled) < 50
    assert len(flops_bins(small.space, 50, 32).members) == len(filled)


def test_bins_hold_the_whole_space_once():
    space = get_space('ar50to101')
    bins = flops_bins(space, 10, 224)
    assert sorted(np.concatenate(bins.members)) == list(range(len(space)))
    for edge, members in zip(bins.edges[:-1], bins.members, strict=True):
        for index in members[:: max(1, len(members) // 5)]:
            assert edge <= count_cost(space, space[int(index)]).flops


def test_a_large_space_is_a_fixed_pool(small, monkeypatch):
    monkeypatch.setattr(flops, 'LARGEST_LISTED', 31)
    monkeypatch.setattr(flops, 'POOL', 200)
    # spaces of another name are not known yet
    first, second = (flops_bins(replace(small.space, name=name), 4, 32) for name in 'ab')
    assert len(first.archs) == 200 and first.archs == second.archs
    by_hand = bins_by_hand(small.space, 4, 32)
    drawn = [[str(first.archs[i]) for i in members] for members in first.members]
    assert [set(archs) for archs in drawn] == [set(by_hand[i]) for i in sorted(by_hand)]


def test_space_is_costed_once(small, monkeypatch):
    sampler = FlopsUniformSampler(num_bins=3, input_size=32)
    sampler.sample(small.space, 0)
    monkeypatch.setattr(flops, 'count_cost', None)
    sampler.sample(small.space, 1)


@pytest.mark.parametrize('field', ['num', 'num_bins', 'input_size'])
def test_refuses_no_number(field):
    with pytest.raises(UserError, match=f'arch_sampler.{field}: '):
        FlopsUniformSampler(**{field: 0})
