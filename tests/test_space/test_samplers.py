"""Which archs an iteration trains."""

import pytest

from gaia_ssl.space import SandwichSampler, SearchSpace, UniformSampler, get_space

AR = get_space('ar50to101')


@pytest.mark.parametrize('sampler', [SandwichSampler, UniformSampler])
def test_draws_are_a_function_of_seed_and_iteration(sampler):
    first = [sampler(seed=3).sample(AR, i) for i in range(20)]
    one = sampler(seed=3)
    # in another order, from one object: the history does not matter
    assert [one.sample(AR, i) for i in reversed(range(20))] == first[::-1]
    assert [sampler(seed=4).sample(AR, i) for i in range(20)] != first
    assert len({str(archs) for archs in first}) == 20


def test_sandwich_runs_min_random_subnets_and_max_last():
    archs = SandwichSampler(num_random=3).sample(AR, 0)
    assert len(archs) == 5
    assert archs[0] == AR.min and archs[-1] == AR.max
    assert all(arch in AR for arch in archs)


def test_sandwich_of_one_arch_is_that_arch():
    choices = {k: [[n] for n in v] if k != 'stem_width' else [v] for k, v in AR.max.items()}
    one = SearchSpace.from_dict(dict(name='one', family=dict(type='resnet'), choices=choices))
    assert SandwichSampler().sample(one, 0) == [AR.max]


def test_uniform_draws_so_many():
    archs = UniformSampler(num=4).sample(AR, 0)
    assert len(archs) == 4 and all(arch in AR for arch in archs)
