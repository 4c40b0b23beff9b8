"""Latency tables: the sum over a path, their files, and what a validation says."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_ssl.space import LatencyTable, get_space
from gaia_ssl.space.latency import Conditions, Validation, path_keys
from gaia_ssl.utils import UserError

TINY, SIZE = get_space('tiny10to22'), (50, 70)
CONDITIONS = Conditions('a CPU', 1, 2, 'float32', SIZE, False, '2.0')


def seconds_of(stage, in_channels, out_channels, height, width):
    """Some time for a block: other ones for others."""
    return 1e-3 * math.fmod((stage + 9) * 1.37 + in_channels * 0.71, 1) + 1e-6 * (
        out_channels * 31 + height * 7 + width
    )


def make_table(space=TINY, seconds=dict):
    keys = {key for arch in space for key in path_keys(space.family, arch, SIZE)}
    times = {}
    for key in sorted(keys):
        out_channels = dict(key.step)['out_channels']
        times[key] = seconds_of(key.stage, key.in_channels, out_channels, *key.size)
    return LatencyTable(space, CONDITIONS, seconds(times))


def plain_sum(arch):
    """The latency of an arch of tiny10to22, block by block."""
    height, width = SIZE
    total = seconds_of(-1, 3, arch['stem_width'], height, width)
    for _ in range(2):  # the stem's convolution and its pool
        height, width = math.ceil(height / 2), math.ceil(width / 2)
    channels = arch['stem_width']
    for stage in range(4):
        for block in range(arch['depth'][stage]):
            out_channels = arch['width'][stage]
            total += seconds_of(stage, channels, out_channels, height, width)
            channels = out_channels
            if block == 0 and stage > 0:
                height, width = math.ceil(height / 2), math.ceil(width / 2)
    return total


TABLE = make_table()


@given(st.integers(0, len(TINY) - 1))
def test_latency_is_the_sum_over_the_blocks(index):
    arch = TINY[index]
    assert TABLE.latency(arch) == pytest.approx(plain_sum(arch), rel=1e-12)


def test_blocks_that_are_alike_are_one_entry():
    space = get_space('ar50to101')
    r101 = path_keys(space.family, space.anchors['R101'], (224, 224))
    assert len(r101) == 1 + 3 + 4 + 23 + 3
    # the stem; of each stage the first block, which widens, and the others
    assert len(set(r101)) == 1 + 2 * 4
    stage3 = r101[8:31]
    assert len(set(stage3[1:])) == 1 and stage3[0] != stage3[1]
    assert (stage3[0].in_channels, stage3[0].size) == (512, (28, 28))
    assert (stage3[1].in_channels, stage3[1].size) == (1024, (14, 14))


def test_a_segment_is_summed_once_for_all_archs():
    class Counting(dict):
        reads = 0

        def __getitem__(self, key):
            Counting.reads += 1
            return super().__getitem__(key)

    table = make_table(seconds=Counting)
    Counting.reads = 0
    for arch in TINY:
        table.latency(arch)
    family = TINY.family
    segments = {segment for arch in TINY for segment in family.segments(arch)}
    assert Counting.reads == sum(len(family.steps(segment)) for segment in segments) < 200


def test_an_arch_off_the_grid_has_no_time():
    arch = dict(TINY.max, width=[16, 32, 63, 128])
    with pytest.raises(
        UserError, match='no time of a Block .* of stage 2 .*steps of the archs on the grid of'
    ):
        TABLE.latency(TINY.check(arch))


def test_file(tmp_path):
    archs = [TINY.max, TINY.min, TINY[17]]
    validation = Validation(archs, [0.3, 0.1, 0.2], [0.25, 0.1, 0.22])
    table = LatencyTable(TINY, CONDITIONS, TABLE.seconds, validation)
    first, second = str(tmp_path / 'first.json'), str(tmp_path / 'second.json')
    table.save(first)
    loaded = LatencyTable.load(first, TINY)
    assert loaded == table
    assert loaded.latency(TINY.max) == table.latency(TINY.max)
    loaded.save(second)
    assert (tmp_path / 'first.json').read_bytes() == (tmp_path / 'second.json').read_bytes()
    data = json.loads((tmp_path / 'first.json').read_text())
    assert data['median_error'] == pytest.approx(0.02 / 0.22)
    assert data['validation'][0]['error'] == pytest.approx(0.2)
    assert data['steps'][0].keys() == {
        'stage', 'kind', 'step', 'in_channels', 'size', 'seconds'
    }  # fmt: skip
    TABLE.save(first)
    assert LatencyTable.load(first) == TABLE


def broken(change):
    def damage(text):
        data = json.loads(text)
        change(data)
        return json.dumps(data)

    return damage


@pytest.mark.parametrize(
    'damage',
    [
        lambda text: text[:-200],
        lambda text: '',
        lambda text: '[]',
        lambda text: '{"meta": {}, "subnets": []}',
        broken(lambda data: data['steps'][3].update(seconds=-1)),
        broken(lambda data: data['steps'][3].update(seconds=None)),
        broken(lambda data: data['steps'][3].pop('size')),
        broken(lambda data: data['conditions'].pop('dtype')),
        broken(lambda data: data['space']['family'].update(type='other')),
    ],
)
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / 'table.json'
    TABLE.save(str(path))
    path.write_text(damage(path.read_text()))
    with pytest.raises(UserError, match=r'table\.json is damaged or is not a latency table'):
        LatencyTable.load(str(path))


def test_a_missing_file_is_named():
    with pytest.raises(UserError, match='nowhere.json does not exist; measure one with tools'):
        LatencyTable.load('nowhere.json')


def test_a_file_of_another_space(tmp_path):
    path = str(tmp_path / 'table.json')
    TABLE.save(path)
    for other in (get_space('ar18to34'), TINY.with_options(in_channels=1)):
        with pytest.raises(UserError, match=r"table\.json is of another space, 'tiny10to22'"):
            LatencyTable.load(path, other)


@given(st.permutations(range(8)))
def test_validation(order):
    measured = np.arange(1.0, 9.0)
    predicted = [float(i + 1) for i in order]
    validation = Validation([{}] * 8, predicted, measured.tolist())
    differences = [(p - m) ** 2 for p, m in zip(predicted, measured, strict=True)]
    # Spearman's formula, which holds without ties
    assert validation.rank_correlation == pytest.approx(1 - 6 * sum(differences) / (8 * 63))
    errors = sorted(abs(p - m) / m for p, m in zip(predicted, measured, strict=True))
    assert validation.median_error == pytest.approx((errors[3] + errors[4]) / 2)


def test_digest_tells_conditions_and_spaces_apart():
    others = [
        Conditions('a GPU', 1, 2, 'float32', SIZE, False, '2.0'),
        Conditions('a CPU', 2, 1, 'float32', SIZE, False, '2.0'),
        Conditions('a CPU', 1, 2, 'float32', SIZE, True, '2.0'),
    ]
    digests = [conditions.digest(TINY) for conditions in (CONDITIONS, *others)]
    digests.append(CONDITIONS.digest(TINY.with_options(in_channels=1)))
    assert len(set(digests)) == 5
    assert Conditions('a CPU', 1, 2, 'float32', SIZE, False, '2.0').digest(TINY) == digests[0]
