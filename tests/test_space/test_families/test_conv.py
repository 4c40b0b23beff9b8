"""Families of convolutional backbones: segments and sizes."""

from gaia_ssl.space.families import Block, ResNetFamily, Segment, Stem, conv_norm, nbytes

FAMILY = ResNetFamily(block='basic', stem='3x3s2')
ARCH = dict(stem_width=8, width=[8, 16, 32, 64], depth=[1, 2, 1, 1])


def test_a_stage_reads_its_own_numbers_and_the_width_before():
    assert FAMILY.reads(-1) == [('stem_width', None)]
    assert FAMILY.reads(0) == [('stem_width', None), ('width', 0), ('depth', 0)]
    assert FAMILY.reads(2) == [('width', 1), ('width', 2), ('depth', 2)]
    segments = FAMILY.segments(ARCH)
    assert segments[0] == Segment(-1, (8,)) and segments[2] == Segment(1, (8, 16, 2))
    wide = ResNetFamily()
    assert [wide.in_channels_of(s) for s in wide.segments(ARCH)] == [3, 8, 32, 64, 128]
    assert [len(FAMILY.steps(s)) for s in segments] == [1, 1, 2, 1, 1]


def test_sizes_are_rounded_up():
    stem = FAMILY.steps(Segment(-1, (8,)))[0]
    assert isinstance(stem, Stem) and stem.pool
    cost, out_size = FAMILY.step_cost(stem, 3, (33, 50))
    assert out_size == (9, 13)
    plain = conv_norm(3, 8, 3, (33, 50), (17, 25))
    assert (cost.flops, cost.params) == (plain.flops, plain.params)
    # the pool may need more than the convolution
    assert cost.memory == max(plain.memory, nbytes(8, (17, 25)) + nbytes(8, (9, 13)))
    _, out_size = FAMILY.step_cost(Block('layer2.0', 16, 16, 2), 8, (9, 13))
    assert out_size == (5, 7)
