import pytest

from gaia_ssl.space import UniformSampler, get_space
from gaia_ssl.utils import UserError

AR = get_space('ar50to101')


def test_every_arch_is_as_likely(small):
    drawn = [str(UniformSampler().sample(small.space, i)[0]) for i in range(3200)]
    small.check_shares(drawn, {str(arch): 1 / 32 for arch in small.space})


def test_draws_so_many():
    archs = UniformSampler(num=4).sample(AR, 0)
    assert len(archs) == 4 and all(arch in AR for arch in archs)


@pytest.mark.parametrize('num', [0, -1, 1.0, '2', True])
def test_refuses_no_number(num):
    with pytest.raises(UserError, match='arch_sampler.num: '):
        UniformSampler(num=num)
