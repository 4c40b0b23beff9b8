"""The spaces known by name, by the figures they were designed for."""

import pytest

from gaia_ssl.space import SPACES, count_cost, get_space
from gaia_ssl.utils import UserError


@pytest.fixture(params=SPACES.values(), ids=SPACES)
def space(request):
    return request.param


def test_ar50to101_is_the_papers():
    space = get_space('ar50to101')
    assert len(space) == 85293
    assert space.max == dict(stem_width=64, width=[80, 160, 320, 640], depth=[4, 6, 29, 4])
    assert space.min == dict(stem_width=32, width=[48, 96, 192, 384], depth=[2, 2, 5, 2])
    assert space.anchors['R77']['depth'] == [3, 4, 15, 3]
    assert space.anchors['R101']['depth'] == [3, 4, 23, 3]


@pytest.mark.parametrize(
    'name, number',
    dict(
        ar50to101=85293,
        ar18to34=32805,
        ax50to101=85293,
        mb12to22=139968,
        ar26to50=14580,
        ar26to101=23328,
        ar10to18=10000,
        ar10to34=17496,
        ax26to50=14580,
        mb7to17=110592,
        tiny10to22=5832,
        tinymb4to8=6144,
    ).items(),
)
def test_number_of_archs(name, number):
    assert len(get_space(name)) == number


@pytest.mark.parametrize(
    'name, anchor, gflops',
    [
        # as the field counts them
        ('ar50to101', 'R50', 4.09),
        ('ar18to34', 'R18', 1.81),
        ('ar18to34', 'R34', 3.66),
        ('ax50to101', 'X50', 4.23),
        ('ar26to50', 'MAX', 4.09),
        ('ar26to50', 'MIN', 0.61),
        ('ar26to101', 'MAX', 7.80),
        ('ar10to18', 'MAX', 1.81),
        ('ar10to18', 'MIN', 0.25),
        ('ar10to34', 'MAX', 3.66),
        ('ax26to50', 'MAX', 4.23),
        ('mb7to17', 'MAX', 0.28),
        ('mb7to17', 'MIN', 0.04),
        # the paper's
        ('ar50to101', 'MAX', 15.51),
        ('ar50to101', 'MIN', 1.67),
    ],
)
def test_flops(name, anchor, gflops):
    space = get_space(name)
    assert round(count_cost(space, space.anchors[anchor]).flops / 1e9, 2) == gflops


@pytest.mark.parametrize(
    'name, anchor, params',
    [
        ('ar18to34', 'R18', 11689512 - 513000),
        ('ar18to34', 'R34', 21797672 - 513000),
        ('ax50to101', 'X50', 25028904 - 2049000),
        ('ar26to50', 'MAX', 25557032 - 2049000),
        ('ar26to101', 'MAX', 44549160 - 2049000),
        ('ar10to18', 'MAX', 11689512 - 513000),
        ('ar10to34', 'MAX', 21797672 - 513000),
        ('ax26to50', 'MAX', 25028904 - 2049000),
        # nor without its last convolution, from 320 to 1280 channels, and its norm
        ('mb7to17', 'MAX', 3504872 - 1281000 - 320 * 1280 - 2 * 1280),
    ],
)
def test_params_are_torchvisions_without_classifier(name, anchor, params):
    space = get_space(name)
    assert count_cost(space, space.anchors[anchor]).params == params


def test_r18_and_r34_are_on_the_grid():
    space = get_space('ar18to34')
    assert space.anchors['R18'] in space and space.anchors['R34'] in space


@pytest.mark.parametrize(
    'name, anchor',
    dict(
        ar26to50='R50',
        ar26to101='R101',
        ar10to18='R18',
        ar10to34='R34',
        ax26to50='X50',
        mb7to17='MBV2',
    ).items(),
)
def test_max_of_the_spaces_for_warm_starts_is_the_network(name, anchor):
    space = get_space(name)
    assert space.anchors[anchor] == space.max
    low, high = (count_cost(space, arch).flops for arch in (space.min, space.max))
    assert low < high / 6


def test_r50_params_are_resnet50s_without_classifier():
    space = get_space('ar50to101')
    assert count_cost(space, space.anchors['R50']).params == 25557032 - 2049000


def test_r50_is_inside_the_bounds_but_off_the_grid():
    space = get_space('ar50to101')
    assert space.anchors['R50'] not in space
    assert space.check('R50') == space.anchors['R50']


@pytest.mark.parametrize('name', ['tiny10to22', 'tinymb4to8'])
def test_tiny_max_fits_small_machines(name):
    space = get_space(name)
    assert count_cost(space, space.max, 128).flops <= 50e6


def test_max_and_min_bound_the_cost(space):
    low, high = count_cost(space, space.min), count_cost(space, space.max)
    for arch in space.anchors.values():
        cost = count_cost(space, arch)
        assert low.flops <= cost.flops <= high.flops
        assert low.params <= cost.params <= high.params


def test_get_space_takes_names_data_and_spaces(space):
    assert get_space(space.name) is space
    assert get_space(space) is space
    assert get_space(space.to_dict()) == space


def test_unknown_space_names_the_known_ones():
    with pytest.raises(UserError, match="space: 'ar50' is unknown; choose from ar50to101, ar18"):
        get_space('ar50')
