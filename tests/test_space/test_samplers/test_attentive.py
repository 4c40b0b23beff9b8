import numpy as np
import pytest

from gaia_ssl.space import AttentiveSampler, SandwichSampler, get_space
from gaia_ssl.space.samplers import flops_bins
from gaia_ssl.utils import UserError

TINY = get_space('tiny10to22')


def loss_of(arch):
    """A loss that differs between all archs of a bin."""
    return float(np.random.default_rng(list(str(arch).encode())).random())


@pytest.mark.parametrize('choose, order', [('worst', -1), ('best', 0)])
@pytest.mark.parametrize('iteration', range(5))
def test_keeps_the_extreme_of_the_candidates(choose, order, iteration):
    asked = []

    def loss(arch):
        asked.append(arch)
        return loss_of(arch)

    sampler = AttentiveSampler(choose=choose, num_candidates=4, num_bins=4, input_size=64)
    (kept,) = sampler.sample(TINY, iteration, loss)
    assert len({str(arch) for arch in asked}) == 4  # different ones
    assert kept == sorted(asked, key=loss_of)[order]


@pytest.mark.parametrize('choose, extreme', [('worst', max), ('best', min)])
def test_with_all_archs_as_candidates_it_is_the_extreme_of_a_bin(small, choose, extreme):
    bins = flops_bins(small.space, 5, 32)
    of_bins = [extreme((small.space[int(i)] for i in m), key=loss_of) for m in bins.members]
    sampler = AttentiveSampler(choose=choose, num_candidates=32, num_bins=5, input_size=32)
    drawn = [str((sampler.sample(small.space, i, loss_of))[0]) for i in range(1000)]
    small.check_shares(drawn, {str(arch): 1 / len(of_bins) for arch in of_bins})


def test_each_subnet_is_chosen_from_its_own_candidates():
    calls = []

    def loss(arch):
        calls.append(arch)
        return 0.0

    AttentiveSampler(num=3, num_candidates=2, input_size=64).sample(TINY, 0, loss)
    assert len(calls) == 6


def test_within_a_sandwich():
    sampler = SandwichSampler(2, random=AttentiveSampler(input_size=64))
    archs = sampler.sample(TINY, 0, loss_of)
    assert len(archs) == 4 and archs[0] == TINY.min and archs[-1] == TINY.max


def test_needs_losses():
    with pytest.raises(UserError, match='AttentiveSampler chooses by the losses'):
        AttentiveSampler().sample(TINY, 0)


@pytest.mark.parametrize(
    'field, value',
    [('num', 0), ('choose', 'random'), ('num_candidates', 0), ('num_bins', 0), ('input_size', 0)],
)
def test_refuses_bad_settings(field, value):
    with pytest.raises(UserError, match=f'arch_sampler.{field}: '):
        AttentiveSampler(**{field: value})
