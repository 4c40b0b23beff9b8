import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_ssl.space import AnchorSampler, CurriculumSampler, UniformSampler, get_space
from gaia_ssl.utils import UserError

AR = get_space('ar50to101')
SHARES = st.floats(0, 1)


def test_max_is_alone_first():
    sampler = CurriculumSampler(begin=0.25)
    for progress in (0, 0.1, 0.249):
        assert sampler.sample(AR, 3, progress=progress) == [AR.max]
    assert sampler.sample(AR, 3, progress=0.25) == [AR.max]  # nothing is open yet
    assert len(sampler.sample(AR, 3, progress=0.6)) == 3


def test_at_the_end_it_is_the_sampler_in_it():
    drawn = CurriculumSampler(UniformSampler(4), full=0.5, seed=2)
    for iteration in range(5):
        expected = UniformSampler(4, seed=2).sample(AR, iteration)
        for progress in (0.5, 0.9, 1.0):
            assert drawn.sample(AR, iteration, progress=progress) == expected


@given(SHARES, SHARES, SHARES, SHARES, SHARES)
def test_the_range_only_opens_and_max_stays(begin, full, fine, first, second):
    begin, full = sorted((begin, full))
    early, late = sorted((max(first, begin), max(second, begin)))
    sampler = CurriculumSampler(begin=begin, full=full, fine=fine)
    before, after = (sampler.opened(AR, progress) for progress in (early, late))
    assert before.max == after.max == AR.max
    for (_, one), (_, other), (_, whole) in zip(before.dims, after.dims, AR.dims, strict=True):
        assert set(one) <= set(whole) and set(other) <= set(whole)
        if early >= fine or late < fine:  # grids of one kind
            assert set(one) <= set(other)
    if late >= max(full, fine):
        assert after == AR


def test_the_range_opens_evenly_and_the_grid_is_coarse_before_it_is_fine():
    sampler = CurriculumSampler(begin=0.0, full=1.0, fine=0.5)
    [(_, stem)] = [dim for dim in AR.dims if dim[0] == 'stem_width']
    assert len(stem) == 3
    lengths = [len(dict(sampler.opened(AR, p).dims)['stem_width']) for p in (0, 0.5, 0.99, 1)]
    assert lengths == [1, 2, 2, 3]
    coarse = CurriculumSampler(begin=0.0, full=0.0, fine=0.5).opened(AR, 0.2)
    for (name, values), (_, whole) in zip(coarse.dims, AR.dims, strict=True):
        assert values == tuple(v for i, v in enumerate(whole) if (len(whole) - 1 - i) % 2 == 0), (
            name
        )


def test_anchors_are_those_of_the_range():
    opened = CurriculumSampler(begin=0.0, full=1.0).opened(AR, 0.4)
    assert set(opened.anchors) < set(AR.anchors)
    assert all(opened.check(arch) for arch in opened.named.values())
    with pytest.raises(UserError, match='R50'):
        CurriculumSampler(AnchorSampler(['R50']), begin=0.0).sample(AR, 0, progress=0.0)


@pytest.mark.parametrize(
    'options, field',
    [
        (dict(begin=-0.1), 'begin'),
        (dict(full=1.5), 'full'),
        (dict(fine='half'), 'fine'),
        (dict(begin=0.5, full=0.4), 'full'),
        (dict(sampler='sandwich'), 'sampler'),
    ],
)
def test_refuses_bad_settings(options, field):
    with pytest.raises(UserError, match=f'^arch_sampler.{field}: '):
        CurriculumSampler(**options)
