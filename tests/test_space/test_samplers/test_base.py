"""What every sampler keeps to."""

import numpy as np
import pytest

from gaia_ssl.space import (
    SAMPLERS,
    AnchorSampler,
    ArchSampler,
    AttentiveSampler,
    CurriculumSampler,
    FlopsUniformSampler,
    MixtureSampler,
    SandwichSampler,
    SmallestSampler,
    UniformSampler,
    get_space,
)

AR = get_space('ar50to101')
BUILD = {
    AnchorSampler: lambda **kw: AnchorSampler(list(AR.anchors), num=2, **kw),
    AttentiveSampler: AttentiveSampler,
    CurriculumSampler: CurriculumSampler,
    FlopsUniformSampler: FlopsUniformSampler,
    MixtureSampler: lambda **kw: MixtureSampler([UniformSampler(), UniformSampler(2)], **kw),
    SandwichSampler: SandwichSampler,
    SmallestSampler: SmallestSampler,
    UniformSampler: UniformSampler,
}


def loss_of(arch):
    """Any function of an arch."""
    return sum(arch['width']) % 97 + sum(arch['depth'])


def test_all_samplers_are_listed():
    assert set(SAMPLERS) == set(ArchSampler.__subclasses__()) == set(BUILD)


@pytest.mark.parametrize('sampler', SAMPLERS)
def test_draws_are_a_function_of_seed_and_iteration(sampler):
    first = [BUILD[sampler](seed=3).sample(AR, i, loss_of) for i in range(20)]
    one = BUILD[sampler](seed=3)
    # in another order, from one object: the history does not matter
    assert [one.sample(AR, i, loss_of) for i in reversed(range(20))] == first[::-1]
    assert [BUILD[sampler](seed=4).sample(AR, i, loss_of) for i in range(20)] != first
    least = 5 if sampler is AnchorSampler else 20  # of 10 pairs of anchors
    assert len({str(archs) for archs in first}) >= least


@pytest.mark.parametrize('sampler', SAMPLERS)
def test_archs_are_runnable_and_max_is_last_and_once(sampler):
    drawn = [BUILD[sampler]().sample(AR, i, loss_of) for i in range(50)]
    for archs in drawn:
        assert archs and all(AR.check(arch) == arch for arch in archs)
        assert AR.max not in archs[:-1]


def test_max_drawn_twice_runs_once(small):
    sampler = UniformSampler(num=40)
    archs = sampler.sample(small.space, 0)
    plain = sampler.draw(small.space, np.random.default_rng([0, 0]), None)
    assert plain.count(small.space.max) > 1
    assert archs == [a for a in plain if a != small.space.max] + [small.space.max]


@pytest.mark.parametrize('sampler', [s for s in SAMPLERS if s is not AnchorSampler])
def test_one_arch_runs_once(one, sampler):
    assert BUILD[sampler]().sample(one, 0, loss_of) == [one.max]
