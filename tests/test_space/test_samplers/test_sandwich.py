import pytest

from gaia_ssl.space import AnchorSampler, SandwichSampler, get_space
from gaia_ssl.utils import UserError

AR = get_space('ar50to101')


def test_runs_min_random_subnets_and_max_last():
    archs = SandwichSampler(num_random=3).sample(AR, 0)
    assert len(archs) == 5
    assert archs[0] == AR.min and archs[-1] == AR.max
    assert all(arch in AR for arch in archs)


def test_the_middle_is_uniform(small):
    drawn = [str(SandwichSampler().sample(small.space, i)[1]) for i in range(3200)]
    small.check_shares(drawn, {str(arch): 1 / 32 for arch in small.space})


def test_another_sampler_draws_the_middle():
    sampler = SandwichSampler(num_random=2, random=AnchorSampler(['R50', 'R77']))
    r50, r77 = AR.anchors['R50'], AR.anchors['R77']
    assert sampler.sample(AR, 0) == [AR.min, r50, r77, r50, r77, AR.max]


def test_min_comes_with_its_probability():
    sampler = SandwichSampler(min_probability=0.3)
    drawn = [sampler.sample(AR, iteration) for iteration in range(2000)]
    with_min = [archs for archs in drawn if archs[0] == AR.min]
    assert 0.27 < len(with_min) / 2000 < 0.33
    always = [SandwichSampler().sample(AR, iteration) for iteration in range(2000)]
    assert all(archs in (whole, whole[1:]) for archs, whole in zip(drawn, always))


def test_without_a_middle():
    assert SandwichSampler(num_random=0).sample(AR, 0) == [AR.min, AR.max]


@pytest.mark.parametrize(
    'options, field',
    [
        (dict(num_random=-1), 'num_random'),
        (dict(random='x'), 'random'),
        (dict(min_probability=2), 'min_probability'),
    ],
)
def test_refuses_bad_settings(options, field):
    with pytest.raises(UserError, match=f'arch_sampler.{field}: '):
        SandwichSampler(**options)
