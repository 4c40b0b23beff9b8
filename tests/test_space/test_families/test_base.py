"""Families: their segments, the walk over the steps of an arch, and costs of grids."""

from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.models.backbones import SUPERNETS
from gaia_ssl.space import SPACES, Cost, Family, SearchSpace, Shape, get_space
from gaia_ssl.space.families import conv
from gaia_ssl.utils import UserError

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


@pytest.mark.parametrize(
    'fields', [('depth', 'stem_width', 'width'), ('width', 'depth', 'stem_width')]
)
def test_costs_of_a_grid_are_in_the_order_of_its_fields(fields):
    choices = dict(
        stem_width=(8, 12),
        width=((8,), (8, 16), (32,), (64,)),
        depth=((1, 2), (1,), (1, 3), (1,)),
    )
    family = get_space('tiny10to22').family
    space = SearchSpace('other', family, {name: choices[name] for name in fields})
    costs = [family.cost(arch, (64, 96)) for arch in space]
    grid = space.costs((64, 96))
    assert [list(column) for column in zip(*costs)] == [values.tolist() for values in grid]


@dataclass(frozen=True)
class Plain(Family):
    """Two stages of one pointwise convolution, without a stem of its own."""

    scales: tuple[int, ...] = ()

    stages = 2
    stage_options = ('scales',)
    stage_fields = ('width',)

    def reads(self, stage):
        return [('width', max(stage, 0))]

    def in_channels_of(self, segment):
        return self.in_channels

    def steps(self, segment):
        return (Pointwise('point', *segment.numbers),)

    def step_cost(self, step, in_channels, size):
        return conv(in_channels, step.out_channels, 1, size, size), size


class Pointwise(NamedTuple):
    name: str
    out_channels: int


@pytest.mark.parametrize(
    'options, choices, message',
    [
        ({}, dict(width=((4,), (8,)), depth=(1,)), 'choices.depth: archs of a Plain have width'),
        ({}, dict(width=((4,),)), 'width: 1 stages, but Plain has 2'),
        (dict(scales=[1]), dict(width=((4,), (8,))), 'scales: 1 stages, but width has 2'),
    ],
)
def test_grids_that_do_not_fit_the_family(options, choices, message):
    with pytest.raises(UserError, match=message):
        SearchSpace('plain', Plain(**options), choices)


def test_defaults_of_a_family():
    family = Plain(scales=[1, 2], in_channels=4)
    assert family.scales == (1, 2) and hash(family) == hash(Plain(4, (1, 2)))
    assert family.has_batch_norms
    path = family.path(dict(width=[8, 16]))
    assert [step.out_channels for step in path.steps] == [8, 8, 16]
    assert path.outputs == (None, None)
    with pytest.raises(UserError, match='a Plain cannot dilate to output stride 8'):
        family.dilated(8)
    with pytest.raises(UserError, match='width: unknown option; Plain has in_channels, scales'):
        family.with_options(width=3)
    space = SearchSpace('plain', family, dict(width=((4, 8), (16,))))
    assert space.costs(8).params.tolist() == [4 * (4 + 4 + 16), 4 * (8 + 8 + 16)]


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
