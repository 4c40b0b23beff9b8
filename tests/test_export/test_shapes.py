"""Channels and strides of stages."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.export import Shape, stage_shapes
from gaia_ssl.export.shapes import pyramid
from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.space import SPACES, get_space

AR = get_space('ar50to101')


def test_resnet50():
    shapes = stage_shapes(AR.family, AR.anchors['R50'])
    assert shapes == [Shape(256, 4), Shape(512, 8), Shape(1024, 16), Shape(2048, 32)]


VARIANTS = [
    *((name, {}) for name in SPACES),
    *(
        (name, options)
        for name in ('ar50to101', 'tiny10to22')
        for options in (
            dict(stem='3x3'),
            dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
            dict(style='caffe'),
        )
    ),
    ('ax50to101', dict(expansion=4)),
    ('tinymb4to8', dict(stem_stride=1)),
    ('mb12to22', get_space('mb12to22').family.dilated(8)),
]


@pytest.mark.parametrize('space, options', VARIANTS, ids=str)
def test_are_those_of_the_module(space, options):
    space = get_space(space).with_options(**options)
    [subnet_type] = [
        cls.subnet_type
        for cls in DynamicBackbone.__subclasses__()
        if isinstance(space.family, cls.family_type)
    ]
    stages = tuple(range(space.family.stages))

    @settings(max_examples=2, deadline=None)
    @given(st.integers(0, len(space) - 1))
    def check(index):
        with torch.device('meta'):
            net = subnet_type(space[index], out_indices=stages, **vars(space.family))
            outs = net(torch.empty(1, 3, 256, 256))
        shapes = stage_shapes(space.family, space[index])
        assert shapes == [Shape(out.size(1), 256 // out.size(2)) for out in outs]

    check()


@pytest.mark.parametrize(
    'strides, stages',
    [
        ((4, 8, 16, 32), [0, 1, 2, 3]),
        ((4, 8, 8, 8), [0, 1, 2, 3]),
        ((2, 4, 8, 16, 16, 32, 32), [1, 2, 4, 6]),
        ((2, 4, 8, 8, 8), [0, 1, 4]),
        ((1, 2, 4, 8, 16), [1, 2, 3, 4]),
        ((8,), [0]),
    ],
)
def test_pyramid(strides, stages):
    assert pyramid([Shape(1, stride) for stride in strides]) == stages
