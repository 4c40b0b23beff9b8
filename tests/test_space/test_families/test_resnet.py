"""ResNets as paths of steps."""

import pytest

from gaia_ssl.space import get_space
from gaia_ssl.space.families import Block, ResNetFamily, Stem
from gaia_ssl.utils import UserError

AR = get_space('ar50to101')


def test_path_of_resnet50():
    path = AR.path(AR.anchors['R50'])
    assert path.stem == (Stem('stem', 64, kernel=7, stride=2, pool=True),)
    assert [len(steps) for steps in path.stages] == [3, 4, 6, 3]
    assert path.stages[0][0] == Block('layer1.0', 256, 64, projection=True)
    assert path.stages[1][0] == Block('layer2.0', 512, 128, stride=2, projection=True)
    assert path.stages[3][2] == Block('layer4.2', 2048, 512)
    assert len(list(path.steps)) == 17


def test_equal_prefixes_are_equal_steps():
    one = AR.path(dict(stem_width=64, width=[64, 128, 256, 512], depth=[3, 4, 5, 3]))
    two = AR.path(dict(stem_width=64, width=[64, 128, 256, 384], depth=[3, 4, 9, 2]))
    # the shorter third stage is a prefix of the longer one
    shared = list(one.steps)[: 1 + 3 + 4 + 5]
    assert shared == list(two.steps)[: len(shared)]
    assert len(set(shared)) == len(shared)


def test_paths_are_shared_and_hashable():
    arch = AR.anchors['R101']
    assert AR.path(arch) == AR.path(dict(arch))
    assert hash(AR.path(arch)) == hash(AR.path(dict(arch)))


@pytest.mark.parametrize('contract, first', [(True, (1, 2)), (False, (2, 4))])
def test_dilations(contract, first):
    space = AR.with_options(
        strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), contract_dilation=contract
    )
    stages = space.path(space.anchors['R50']).stages
    assert (stages[2][0].dilation, stages[3][0].dilation) == first
    assert {step.dilation for step in stages[2][1:]} == {2}
    assert {step.dilation for step in stages[3][1:]} == {4}


@pytest.mark.parametrize(
    'option, message',
    [
        (dict(block='bottle'), "block: 'bottle' is not one of"),
        (dict(stem='5x5'), "stem: '5x5' is not one of"),
        (dict(style='tf'), "style: 'tf' is not one of"),
        (dict(expansion=0), 'expansion: 0 is not a positive number'),
        (dict(block='basic', group_widths=(4,) * 4), 'group_widths: basic blocks are not grouped'),
    ],
)
def test_unknown_options(option, message):
    with pytest.raises(UserError, match=message):
        ResNetFamily(**option)


def test_path_of_resnext50():
    space = get_space('ax50to101')
    stages = space.path(space.anchors['X50']).stages
    assert {step.groups for steps in stages for step in steps} == {32}
    assert [steps[0].out_channels for steps in stages] == [256, 512, 1024, 2048]
    groups = [[steps[0].groups for steps in space.path(a).stages] for a in (space.min, space.max)]
    assert groups == [[24] * 4, [40] * 4]


def test_groups_are_whole_inside_the_bounds():
    space = get_space('ax50to101')
    fits = dict(space.min, width=[100, 200, 400, 800])
    assert space.check(fits) == fits and fits not in space
    with pytest.raises(UserError, match='arch.width: 401 is not a multiple of its group width 16'):
        space.check(dict(space.min, width=[100, 200, 401, 800]))
    with pytest.raises(UserError, match='group_widths: 2 stages, but width has 4'):
        space.with_options(group_widths=[4, 8])


@pytest.mark.parametrize(
    'output_stride, strides, dilations',
    [
        (8, (1, 2, 1, 1), (1, 1, 2, 4)),
        (16, (1, 2, 2, 1), (1, 1, 1, 2)),
        (32, (1, 2, 2, 2), (1, 1, 1, 1)),
    ],
)
def test_dilated(output_stride, strides, dilations):
    options = AR.family.dilated(output_stride)
    assert options == dict(strides=strides, dilations=dilations, contract_dilation=True)


def test_a_tied_stem_is_as_wide_as_the_first_stage():
    space = get_space('ar10to18')
    for arch in (space.min, space.max):
        path = space.path(arch)
        [stem] = path.stem
        assert stem.out_channels == arch['width'][0] == path.stages[0][0].out_channels
        assert not path.stages[0][0].projection and path.stages[1][0].projection
    loose = ResNetFamily(block='basic').path(dict(space.max, stem_width=64))
    assert loose == space.path(space.max)
    with pytest.raises(UserError, match='arch.stem_width: unknown field'):
        space.check(dict(space.max, stem_width=64))


def test_a_tied_stem_of_bottlenecks_has_a_projection():
    family = ResNetFamily(tied_stem=True)
    assert family.path(dict(width=[64] * 4, depth=[1] * 4)).stages[0][0].projection
