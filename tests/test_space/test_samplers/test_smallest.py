import pytest

from gaia_ssl.space import SmallestSampler, UniformSampler, count_cost, get_space
from gaia_ssl.utils import UserError

AR = get_space('ar50to101')


def test_it_is_the_smallest_of_what_was_drawn():
    for iteration in range(5):
        drawn = UniformSampler(4).sample(AR, iteration)
        [arch] = SmallestSampler(draws=4).sample(AR, iteration)
        assert arch == min(drawn, key=lambda a: count_cost(AR, a).flops)


def test_small_ones_come_as_often_as_the_docstring_says(small):
    flops = sorted(count_cost(small.space, arch).flops for arch in small.space)
    drawn = [SmallestSampler().sample(small.space, i)[0] for i in range(4000)]
    below = sum(count_cost(small.space, arch).flops <= flops[len(flops) // 2 - 1] for arch in drawn)
    assert 0.72 < below / 4000 < 0.78  # 1 - (1/2)^2


@pytest.mark.parametrize('options', [dict(draws=0), dict(input_size='x'), dict(sampler=3)])
def test_refuses_bad_settings(options):
    with pytest.raises(UserError, match=f'^arch_sampler.{next(iter(options))}: '):
        SmallestSampler(**options)
