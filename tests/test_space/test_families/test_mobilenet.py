"""MobileNets as paths of steps."""

from dataclasses import replace

import pytest

from gaia_ssl.space import get_space
from gaia_ssl.space.families import InvertedBlock, Stem
from gaia_ssl.utils import UserError

MB = get_space('mb12to22')


def test_path_of_mobilenetv2():
    path = MB.path(MB.anchors['MBV2'])
    assert path.stem == (Stem('stem', 32, kernel=3, stride=2, pool=False),)
    assert [len(steps) for steps in path.stages] == [1, 2, 3, 4, 3, 3, 1]
    assert path.stages[0][0] == InvertedBlock('layer1.0', 16, 32, 3, expand=False, residual=False)
    assert path.stages[1][0] == InvertedBlock('layer2.0', 24, 96, 3, stride=2, residual=False)
    assert path.stages[1][1] == InvertedBlock('layer2.1', 24, 144, 3)
    assert path.stages[5][0] == InvertedBlock('layer6.0', 160, 576, 3, stride=2, residual=False)


def test_what_is_elastic_is_part_of_the_steps():
    for field, value in dict(kernel=5, expansion=3, width=80).items():
        arch = dict(MB.min, **{field: [*MB.min[field][:3], value, *MB.min[field][4:]]})
        if field == 'expansion':
            arch[field][3:5] = [6, 6]
        one, two = (list(MB.path(a).steps) for a in (MB.min, arch))
        first = next(i for i, (a, b) in enumerate(zip(one, two, strict=True)) if a != b)
        # a search computes what comes before once
        assert one[first].name == ('layer5.0' if field == 'expansion' else 'layer4.0')


@pytest.mark.parametrize('contract, first', [(True, (1, 2, 2, 4)), (False, (2, 2, 4, 4))])
def test_dilations(contract, first):
    space = MB.with_options(**dict(MB.family.dilated(8), contract_dilation=contract))
    assert space.family.strides == (1, 2, 2, 1, 1, 1, 1)
    assert space.family.dilations == (1, 1, 1, 2, 2, 4, 4)
    stages = space.path(space.anchors['MBV2']).stages
    assert tuple(steps[0].dilation for steps in stages[3:]) == first
    assert [{step.dilation for step in steps[1:]} for steps in stages[3:6]] == [{2}, {2}, {4}]
    # dilating instead of striding makes no residual of what was none
    assert not any(steps[0].residual for steps in stages)


def test_a_stage_expands_or_does_not():
    expansion = (*MB.choices['expansion'][:3], (1, 6), *MB.choices['expansion'][4:])
    with pytest.raises(UserError, match=r'expansion: \[1, 6\] mixes 1'):
        replace(MB, choices=dict(MB.choices, expansion=expansion))


def test_kernels_have_a_centre():
    kernel = (*MB.choices['kernel'][:3], (3, 4), *MB.choices['kernel'][4:])
    with pytest.raises(UserError, match="space 'mb12to22': arch.kernel: 4 is even"):
        replace(MB, choices=dict(MB.choices, kernel=kernel), named={})
    with pytest.raises(UserError, match='arch.kernel: 4 is even'):
        MB.check(dict(MB.min, kernel=[3, 3, 3, 4, 3, 3, 3]))
