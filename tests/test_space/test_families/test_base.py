"""The walk over the steps of an arch: their inputs, outputs and costs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.models.backbones import SUPERNETS
from gaia_ssl.space import SPACES, Cost, Shape, get_space

AR = get_space('ar50to101')


def test_trace_follows_the_path():
    arch, size = AR.anchors['R50'], (224, 192)
    traced = list(AR.family.trace(arch, size))
    path = AR.path(arch)
    assert [t.step for t in traced] == list(path.steps)
    assert [t.stage for t in traced] == [-1] + [0] * 3 + [1] * 4 + [2] * 6 + [3] * 3
    assert (traced[0].in_channels, traced[0].size) == (3, size)
    for before, after in zip(traced, traced[1:]):
        assert after.in_channels == before.step.out_channels
        assert after.size == before.out_size
    assert traced[-1].out_size == (7, 6)
    assert Cost.of_steps(t.cost for t in traced) == AR.family.cost(arch, size)
    for t in traced:
        assert AR.family.step_cost(t.step, t.in_channels, t.size) == (t.cost, t.out_size)


def test_archs_share_the_trace_of_a_segment():
    family, arch = AR.family, AR.max
    deeper = dict(arch, depth=[*arch['depth'][:3], arch['depth'][3] - 1])
    first, second = (list(family.trace_segments(a, (64, 64))) for a in (arch, deeper))
    assert [a is b for a, b in zip(first, second)] == [True] * 4 + [False]


def test_output_shapes_of_resnet50():
    shapes = AR.family.output_shapes(AR.anchors['R50'])
    assert shapes == [
        Shape(256, 4, (56, 56)),
        Shape(512, 8, (28, 28)),
        Shape(1024, 16, (14, 14)),
        Shape(2048, 32, (7, 7)),
    ]


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
def test_output_shapes_are_those_of_the_module(space, options):
    space = get_space(space).with_options(**options)
    subnet_type = SUPERNETS[type(space.family)].subnet_type
    stages = tuple(range(space.family.stages))

    @settings(max_examples=2, deadline=None)
    @given(st.integers(0, len(space) - 1))
    def check(index):
        with torch.device('meta'):
            net = subnet_type(space[index], out_indices=stages, **vars(space.family))
            outs = net(torch.empty(1, 3, 130, 256))
        shapes = space.family.output_shapes(space[index], (130, 256))
        assert shapes == [
            Shape(out.size(1), 256 // out.size(3), tuple(out.shape[2:])) for out in outs
        ]

    check()
