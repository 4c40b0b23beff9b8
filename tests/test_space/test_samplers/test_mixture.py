import pytest

from gaia_ssl.space import AnchorSampler, MixtureSampler, SandwichSampler, UniformSampler, get_space
from gaia_ssl.utils import UserError

AR = get_space('ar50to101')
R50, R77, R101 = (AnchorSampler([name]) for name in ('R50', 'R77', 'R101'))


def test_iterations_by_weight(small):
    sampler = MixtureSampler([R50, SandwichSampler(), R101], weights=[6, 3, 1])
    sizes = [str(len(sampler.sample(AR, i))) for i in range(2000)]
    small.check_shares(sizes, {'1': 0.7, '3': 0.3})


def test_slots_by_weight(small):
    sampler = MixtureSampler([R50, R77], weights=[3, 1], num=2)
    drawn = [str([a['depth'][2] for a in sampler.sample(AR, i)]) for i in range(2000)]
    shares = {'[6, 6]': 9 / 16, '[6, 15]': 3 / 16, '[15, 6]': 3 / 16, '[15, 15]': 1 / 16}
    small.check_shares(drawn, shares)


def test_equal_weights_unless_given(small):
    drawn = [str(MixtureSampler([R50, R77, R101]).sample(AR, i)) for i in range(1500)]
    small.check_shares(drawn, {str([AR.anchors[n]]): 1 / 3 for n in ('R50', 'R77', 'R101')})


def test_weight_of_zero_never_comes(small):
    sampler = MixtureSampler([R50, R77], weights=[1, 0])
    assert all(sampler.sample(AR, i) == [AR.anchors['R50']] for i in range(100))


@pytest.mark.parametrize('samplers', [[], None, ['x'], UniformSampler()])
def test_refuses_what_is_no_list_of_samplers(samplers):
    with pytest.raises(UserError, match='arch_sampler.samplers: '):
        MixtureSampler(samplers)


@pytest.mark.parametrize('weights', [[1], [1, -1], [0, 0], [1, float('nan')], [1, float('inf')]])
def test_refuses_weights_that_do_not_fit(weights):
    with pytest.raises(UserError, match='arch_sampler.weights: '):
        MixtureSampler([R50, R77], weights=weights)
