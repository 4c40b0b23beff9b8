"""Measuring latencies, on a fake clock where times matter."""

import dataclasses
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.models.backbones import PathBackbone, SubnetMobileNet, SubnetResNet
from gaia_ssl.models.layers import StaticConv2d
from gaia_ssl.search import latency
from gaia_ssl.search.latency import LatencySettings, clock_timer, covering_archs, measure
from gaia_ssl.space import get_space
from gaia_ssl.space.latency import path_keys
from gaia_ssl.utils import UserError

TINY, MOBILE = get_space('tiny10to22'), get_space('tinymb4to8')
SMALL = dataclasses.replace(
    TINY,
    choices=dict(
        stem_width=(8, 12),
        width=((8, 16), (16,), (32,), (64,)),
        depth=((1, 2), (1, 3), (1,), (2,)),
    ),
    named={},
)
SMALL_MOBILE = dataclasses.replace(
    MOBILE,
    choices=dict(
        stem_width=(8,),
        width=((8,), (12,), (24, 32), (48,)),
        depth=((1,), (1, 2), (1, 2), (1,)),
        kernel=((3,), (3,), (3, 5), (3,)),
        expansion=((1,), (2, 4), (2,), (2, 4)),
    ),
)
QUICK = dict(threads=1, input_size=(32, 40), rounds=2, validate=4)


class FakeClock:
    """Stands still but for the steps that run; each may be interrupted."""

    def __init__(self, monkeypatch, interruption=0.0):
        self.now = 0.0
        rng, run = np.random.default_rng(0), PathBackbone.run

        def slow(net, step, x):
            self.now += self.seconds_of(step, x.shape)
            self.now += float(rng.random() < interruption)
            return run(net, step, x)

        monkeypatch.setattr(PathBackbone, 'run', slow)

    def seconds_of(self, step, shape):
        batch, channels, height, width = shape
        numbers = sum(value for value in step if isinstance(value, int))
        return 1e-9 * batch * step.out_channels * channels * height * width + 1e-7 * numbers

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    'space', [SMALL, SMALL_MOBILE], ids=lambda space: space.family.__class__.__name__
)
def test_on_a_quiet_machine_sums_are_exact(monkeypatch, space):
    table = measure(space, LatencySettings(**QUICK), clock_timer(FakeClock(monkeypatch)))
    assert len(table.validation.archs) == 4
    assert table.validation.errors == pytest.approx([0] * 4, abs=1e-9)
    assert table.validation.rank_correlation == pytest.approx(1)
    keys = {key for arch in space for key in path_keys(space.family, arch, (32, 40))}
    assert table.seconds.keys() == keys
    assert table.conditions == LatencySettings(**QUICK).conditions()


def test_interruptions_do_not_count(monkeypatch):
    def measured(rounds, interruption):
        with monkeypatch.context() as patch:
            timer = clock_timer(FakeClock(patch, interruption))
            return measure(SMALL, LatencySettings(**QUICK | dict(rounds=rounds)), timer)

    quiet, busy = measured(1, 0.0), measured(6, 0.1)
    assert busy.seconds == pytest.approx(quiet.seconds)
    assert busy.validation.measured == pytest.approx(quiet.validation.measured)


@pytest.mark.parametrize('space, net', [(TINY, SubnetResNet), (MOBILE, SubnetMobileNet)])
@settings(max_examples=8)
@given(data=st.data())
def test_keys_are_what_the_blocks_of_a_static_subnet_are_given(space, net, data):
    arch = space[data.draw(st.integers(0, len(space) - 1))]
    subnet = net(arch=arch, **vars(space.family)).eval()
    seen = []
    for name, block in subnet.named_modules():
        if name.startswith('layer') and name.count('.') == 1:
            stage = int(name.removeprefix('layer').partition('.')[0]) - 1
            hook = lambda _, given, stage=stage: seen.append((stage, given[1].shape))
            block.register_forward_pre_hook(hook)
    with torch.no_grad():
        subnet(torch.zeros(1, 3, 33, 47))
    stem, *blocks = path_keys(space.family, arch, (33, 47))
    assert (stem.stage, stem.kind, stem.in_channels, stem.size) == (-1, 'Stem', 3, (33, 47))
    keys = [(k.stage, torch.Size((1, k.in_channels, *k.size))) for k in blocks]
    assert keys == seen


@pytest.mark.parametrize(
    'space', [SMALL, SMALL_MOBILE, TINY.only(TINY.max)], ids=['resnet', 'mobilenet', 'one arch']
)
def test_every_step_is_covered_twice_where_it_can_be(space):
    archs = covering_archs(space, (64, 64), np.random.default_rng(0))
    again = covering_archs(space, (64, 64), np.random.default_rng(0))
    assert archs == again
    steps = [set(path_keys(space.family, arch, (64, 64))) for arch in archs]
    everything = {key for arch in space for key in path_keys(space.family, arch, (64, 64))}
    times = {key: sum(key in keys for keys in steps) for key in everything}
    assert min(times.values()) >= min(2, len(space))
    assert len(archs) < len(space) / 2 or len(space) == 1


def test_what_is_timed_are_static_subnets_whose_blocks_have_their_own_weights():
    settings = LatencySettings(dtype='bfloat16', channels_last=True, **QUICK)
    build = latency.subnet_builder(TINY.family, settings)
    small, large = build(TINY.min), build(TINY.max)
    assert isinstance(large, SubnetResNet) and not large.training
    convs = [m for m in large.modules() if isinstance(m, torch.nn.Conv2d)]
    assert {type(conv) for conv in convs} == {StaticConv2d}
    assert all(conv.weight.dtype == torch.bfloat16 for conv in convs)
    assert large.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    owners = [p.data_ptr() for p in large.parameters()]
    assert len(set(owners)) == len(owners)
    plain = SubnetResNet(arch=TINY.max, **vars(TINY.family))
    assert [(k, p.shape) for k, p in large.named_parameters()] == [
        (k, p.shape) for k, p in plain.named_parameters()
    ]
    # what another subnet has as well is not built again
    other = build(dict(TINY.max, depth=[2, 3, 2, 2]))
    assert other.layer3[1] is large.layer3[1] and small.layer3[0] is not large.layer3[0]


def test_both_ways_of_timing_run_the_same(monkeypatch):
    clock = FakeClock(monkeypatch)
    net = latency.subnet_builder(TINY.family, LatencySettings(**QUICK))(TINY.max)
    images = torch.zeros(2, 3, 32, 40)
    with torch.inference_mode():
        steps = latency.time_steps(net, images, clock_timer(clock))
        [whole] = latency.time_whole(net, images, clock_timer(clock))
    assert len(steps) == 1 + sum(TINY.max['depth'])
    assert sum(steps) == pytest.approx(whole)


@pytest.mark.parametrize(
    'options', [dict(batch_size=2), dict(dtype='bfloat16', channels_last=True)]
)
def test_measured_for_real(options):
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    table = measure(SMALL, LatencySettings(**QUICK | options))
    assert torch.get_num_threads() == threads and torch.equal(torch.get_rng_state(), state)
    assert all(seconds > 0 for seconds in table.seconds.values())
    assert all(seconds > 0 for seconds in table.validation.measured)
    assert not {str(a) for a in table.validation.archs} & {
        str(a) for a in covering_archs(SMALL, (32, 40), np.random.default_rng(0))
    }


def test_a_space_of_one_arch_has_nothing_to_validate_with():
    table = measure(SMALL.only(SMALL.max), LatencySettings(**QUICK))
    assert table.validation is None and table.latency(SMALL.max) > 0


def test_a_table_is_measured_once(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    options = LatencySettings(**QUICK)
    first = latency.latency_table(SMALL, options)
    [path] = (tmp_path / 'work_dirs' / 'latency').iterdir()
    assert path.name.startswith('tiny10to22_') and '_b1_float32_32x40_' in path.name
    monkeypatch.setattr(latency, 'measure', lambda *_: pytest.fail('measured again'))
    assert latency.latency_table(SMALL, options) == first
    other = dataclasses.replace(options, batch_size=2)
    with pytest.raises(UserError, match='measured under other conditions .*batch of 1, float32'):
        latency.latency_table(SMALL, other, str(path))
    with pytest.raises(UserError, match='is of another space'):
        latency.latency_table(TINY, options, str(path))
    with pytest.raises(pytest.fail.Exception, match='measured again'):
        latency.latency_table(SMALL, other)
    monkeypatch.setattr(latency.os, 'access', lambda folder, mode: False)
    with pytest.raises(UserError, match='work_dirs/latency cannot be written'):
        latency.latency_table(SMALL, other)


def test_one_thread_is_timed_by_its_processor_time():
    for threads, sleeps in ((1, False), (2, True)):
        timer = latency.make_timer(LatencySettings(threads=threads))
        start = timer.mark()
        time.sleep(0.05)
        assert (timer.between(start, timer.mark()) >= 0.05) == sleeps


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(batch_size=0), 'batch_size: 0 is too small'),
        (dict(threads=0), 'threads: 0 is too small'),
        (dict(rounds=0), 'rounds: 0 is too small'),
        (dict(seed=-1), 'seed: -1 is too small'),
        (dict(input_size=(32, 0)), r'input_size: \(32, 0\) is too small'),
        (dict(validate=1), 'validate: 1 subnets; give 2 or more'),
        (dict(dtype='int8'), "dtype: 'int8' is not one of float32, bfloat16, float16"),
        (dict(device='abacus'), "device: 'abacus' cannot be used"),
        (dict(device='cuda:99'), "device: 'cuda:99' cannot be used"),
    ],
)
def test_mistakes(options, message):
    with pytest.raises(UserError, match=message):
        LatencySettings(**options)
