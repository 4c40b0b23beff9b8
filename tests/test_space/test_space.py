"""Spaces: length, membership, order, sampling, checks and JSON."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_ssl.space import SPACES, SearchSpace, count_cost, get_space
from gaia_ssl.space.families import MobileNetFamily, ResNetFamily
from gaia_ssl.utils import UserError

ROOT = Path(__file__).resolve().parents[2]
AR, TINY = get_space('ar50to101'), get_space('tiny10to22')
spaces = st.sampled_from(list(SPACES.values()))


def small_space(**changes):
    choices = dict(stem_width=(4, 6), width=((2,), (4, 6, 8)), depth=((1, 2), (1,)))
    options = dict(strides=(1, 2), dilations=(1, 1))
    return SearchSpace('small', ResNetFamily(**options), {**choices, **changes})


def numbers_of(arch):
    return (arch['stem_width'], *arch['width'], *arch['depth'])


def test_order_is_that_of_product():
    space = small_space()
    expected = list(product((4, 6), (2,), (4, 6, 8), (1, 2), (1,)))
    assert [numbers_of(arch) for arch in space] == expected
    assert len(space) == 12
    assert [space[i] for i in range(-12, 0)] == list(space)


def test_index_outside_of_the_space():
    for index in (12, -13):
        with pytest.raises(IndexError):
            small_space()[index]


@given(spaces, st.data())
def test_every_index_is_an_arch_of_the_space(space, data):
    arch = space[data.draw(st.integers(0, len(space) - 1))]
    assert arch in space
    assert space.check(arch) == arch
    assert json.loads(json.dumps(arch)) == arch


def test_all_archs_are_distinct_and_between_min_and_max():
    archs = {numbers_of(arch) for arch in AR}
    assert len(archs) == len(AR)
    assert min(archs) == numbers_of(AR.min) and max(archs) == numbers_of(AR.max)


def test_off_grid_and_out_of_bounds():
    off_grid = dict(AR.min, stem_width=33)
    assert off_grid not in AR
    assert AR.check(off_grid) == off_grid
    assert dict(AR.min, stem_width=31) not in AR


@pytest.mark.parametrize('other', [None, 3, 'MAX', [], {}, dict(stem_width=64)])
def test_what_is_no_arch_is_not_in_the_space(other):
    assert other not in AR


def test_sampling_is_seeded_and_uniform():
    space = small_space()
    draws = [numbers_of(space.sample(np.random.default_rng(seed))) for seed in range(1200)]
    assert draws == [numbers_of(space.sample(np.random.default_rng(s))) for s in range(1200)]
    counts = [draws.count(numbers_of(arch)) for arch in space]
    # 100 draws of each of 12 archs expected; 5 sigma
    assert sum(counts) == 1200 and all(50 < count < 150 for count in counts)


@given(spaces)
def test_json_round_trip(space):
    again = SearchSpace.from_dict(json.loads(json.dumps(space.to_dict())))
    assert again == space
    assert again.anchors == space.anchors
    assert again.to_dict() == space.to_dict()


def test_with_options_keeps_the_grid():
    caffe = AR.with_options(style='caffe', strides=[1, 2, 1, 1])
    assert caffe.family.style == 'caffe' and caffe.family.strides == (1, 2, 1, 1)
    assert caffe.choices == AR.choices and AR.family.style == 'pytorch'


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(stem_width=128), r'arch.stem_width: 128 is out of bounds; .* from 32 to 64'),
        (dict(depth=[2, 2, 30, 2]), r'arch.depth: 30 is out of bounds; .* from 5 to 29'),
        (dict(depth=[2, 2, 5]), r'arch.depth: \[2, 2, 5\] is not a list of 4 numbers'),
        (dict(depth=3), r'arch.depth: 3 is not a list of 4 numbers'),
        (dict(stem_width=48.5), r'arch.stem_width: 48.5 is not made of whole numbers'),
        (dict(stem_width=True), r'arch.stem_width: True is not made of whole numbers'),
        (dict(groups=2), r"arch.groups: unknown field; space 'ar50to101' has stem_width, width"),
    ],
)
def test_check_names_the_field(change, message):
    with pytest.raises(UserError, match=message):
        AR.check({**AR.min, **change})


def test_check_names_missing_fields_and_unknown_anchors():
    with pytest.raises(UserError, match='arch.depth: missing'):
        AR.check(dict(stem_width=64, width=[64, 128, 256, 512]))
    with pytest.raises(UserError, match="'R34' is not an anchor of space 'ar50to101'; choose"):
        AR.check('R34')
    with pytest.raises(UserError, match=r'arch: \[64\] is not a dict'):
        AR.check([64])


@pytest.mark.parametrize(
    'arch, message',
    [
        (dict(stem_width=64, width=[64, 128, 256, 512], depth=[3, 4, 99, 3]), 'out of bounds'),
        (dict(stem_width=64, width=[64, 128, 256, 512]), 'arch.depth: missing'),
    ],
)
def test_anchors_are_within_bounds(arch, message):
    with pytest.raises(UserError, match=f"space 'ar50to101', anchor BIG: .*{message}"):
        replace(AR, named=dict(BIG=arch))


def test_check_returns_plain_data():
    arch = AR.check(dict(stem_width=np.int64(48), width=(64, 128, 256, 512), depth=[3, 4, 6, 3]))
    assert json.loads(json.dumps(arch)) == arch
    assert type(arch['stem_width']) is int and type(arch['width']) is list


def test_only_is_the_space_of_one_arch():
    arch = dict(AR.min, stem_width=999)  # of the form, if not inside the bounds
    one = AR.only(arch)
    assert len(one) == 1 and one.max == one.min == one[0] == arch
    assert one.family == AR.family
    with pytest.raises(UserError, match='arch.depth: .* is not a list of 4 numbers'):
        AR.only(dict(AR.min, depth=[1]))


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(stem_width=()), r"space 'small', stem_width: \[\] is not a rising list"),
        (dict(width=((2,), (8, 4))), r"space 'small', width: \[8, 4\] is not a rising list"),
        (dict(depth=((0, 1), (1,))), r"space 'small', depth: \[0, 1\] is not a rising list"),
        (dict(depth=((1,),)), r'depth: 1 stages, but width has 2'),
        (dict(stem_width=(4, 8)), r"stem_width: its largest value equals the first stage's"),
    ],
)
def test_unfit_spaces(change, message):
    with pytest.raises(UserError, match=message):
        small_space(**change)


def test_fields_are_those_of_the_family():
    with pytest.raises(UserError, match='choices.kernel: archs of a ResNetFamily have stem_width'):
        small_space(kernel=((3,), (3,)))
    with pytest.raises(UserError, match='choices.expansion: archs of a MobileNetFamily have'):
        SearchSpace('small', MobileNetFamily(), AR.choices)


@pytest.mark.parametrize('number', [1, 3, 5])
def test_rules_of_a_family_hold_for_every_choice(number):
    widths = tuple(sorted({4, 8, number, 12}))
    options = dict(group_widths=(2, 4), strides=(1, 2), dilations=(1, 1))
    choices = dict(stem_width=(4, 6), width=((2,), widths), depth=((1,), (1,)))
    with pytest.raises(UserError, match=f"'small': arch.width: {number} is not a multiple of"):
        SearchSpace('small', ResNetFamily(**options), choices)


def test_space_of_one_arch():
    arch = dict(stem_width=5, width=[3, 7], depth=[1, 2])
    family = ResNetFamily(strides=(1, 2), dilations=(1, 1))
    one = SearchSpace.of_arch(family, arch)
    assert list(one) == [arch] and one.family is family
    with pytest.raises(UserError, match='arch.depth: missing; ResNetFamily needs it'):
        SearchSpace.of_arch(family, dict(stem_width=5, width=[3, 7]))
    with pytest.raises(UserError, match=r'arch.width: \[3\] is not a list of 2 numbers'):
        SearchSpace.of_arch(family, dict(arch, width=[3]))


@pytest.mark.parametrize(
    'change',
    [
        dict(family=dict(type='vgg')),
        dict(family=dict(block='basic')),
        dict(family='resnet'),
        dict(choices='all'),
        dict(grid=1),
    ],
)
def test_unfit_data(change):
    with pytest.raises(UserError, match='^space: '):
        SearchSpace.from_dict({**AR.to_dict(), **change})


@pytest.mark.parametrize(
    'option, kind',
    [(dict(strides=2), 'a list of whole numbers'), (dict(contract_dilation=1), 'a bool')],
)
def test_option_of_the_wrong_kind(option, kind):
    [(name, value)] = option.items()
    with pytest.raises(UserError, match=f'{name}: {value} is of the wrong type; give {kind}'):
        AR.with_options(**option)


def test_unknown_option_names_the_known_ones():
    with pytest.raises(UserError, match='groups: unknown option; ResNetFamily has in_channels, '):
        AR.with_options(groups=2)


def test_costing_every_arch_takes_seconds():
    archs = list(AR)
    start = time.process_time()
    costs = [count_cost(AR, arch) for arch in archs]
    assert time.process_time() - start < 2  # 0.8 s on a free core
    assert sum(5e9 <= cost.flops < 6e9 for cost in costs) == 15651


def test_needs_no_torch():
    code = "import sys, gaia_ssl.space; assert not {'torch', 'mmengine'} & set(sys.modules)"
    subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)


@pytest.mark.parametrize('name', ['tiny10to22', 'tinymb4to8', 'ar18to34'])
@pytest.mark.parametrize('size', [64, (50, 36)])
def test_costs_of_all_archs(name, size):
    space = get_space(name)
    costs = space.costs(size)
    assert all(len(column) == len(space) for column in costs)
    rng = np.random.default_rng(0)
    for index in [0, len(space) - 1, *rng.integers(len(space), size=200)]:
        index = int(index)
        assert tuple(column[index] for column in costs) == count_cost(space, space[index], size)
