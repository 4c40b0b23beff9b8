"""Channels and strides of stages."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.export import Shape, stage_shapes
from gaia_ssl.models.backbones import SubnetResNet
from gaia_ssl.space import SPACES, get_space

AR = get_space('ar50to101')


def test_resnet50():
    shapes = stage_shapes(AR.family, AR.anchors['R50'])
    assert shapes == [Shape(256, 4), Shape(512, 8), Shape(1024, 16), Shape(2048, 32)]


@pytest.mark.parametrize('space', SPACES)
@pytest.mark.parametrize(
    'options',
    [{}, dict(stem='3x3'), dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)), dict(style='caffe')],
    ids=str,
)
def test_are_those_of_the_module(space, options):
    space = get_space(space).with_options(**options)

    @settings(max_examples=3, deadline=None)
    @given(st.integers(0, len(space) - 1))
    def check(index):
        with torch.device('meta'):
            net = SubnetResNet(space[index], out_indices=(0, 1, 2, 3), **vars(space.family))
            outs = net(torch.empty(1, 3, 256, 256))
        shapes = stage_shapes(space.family, space[index])
        assert shapes == [Shape(out.size(1), 256 // out.size(2)) for out in outs]

    check()
