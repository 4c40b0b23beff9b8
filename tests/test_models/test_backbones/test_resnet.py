"""DynamicResNet and SubnetResNet: options, and what they refuse; the rest is in test_base."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn as nn
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from gaia_ssl.models.backbones import DynamicResNet, SubnetResNet
from gaia_ssl.models.layers import DynamicSyncBatchNorm
from gaia_ssl.registry import MODELS
from gaia_ssl.space import count_cost, get_space
from gaia_ssl.utils import UserError

ROOT = Path(__file__).resolve().parents[3]
TINY = get_space('tiny10to22')
OPTIONS = [
    dict(style='caffe'),
    dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), contract_dilation=True),
    dict(stem='3x3'),
    dict(stem='7x7', in_channels=1),
    dict(block='bottleneck', style='caffe', dilations=(1, 2, 2, 2)),
    dict(block='bottleneck', expansion=2),
    dict(expansion=3),
]


def assert_equal_outputs(one, two, x):
    """Equal to 1e-6 of the outputs' scale."""
    with torch.no_grad():
        outs = list(zip(one(x), two(x), strict=True))
    for a, b in outs:
        assert a.shape == b.shape and a.isfinite().all() and a.std() > 0
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6 * float(a.abs().max()))


# extraction


@pytest.mark.parametrize('name', ['MAX', 'MIN', 'R18'])
@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_extracted_equals_the_supernet_with_options(scramble, options, name):
    net = scramble(DynamicResNet(TINY, out_indices=(1, 3), **options)).eval()
    net.set_arch(name)
    sub = net.extract(name)
    built = SubnetResNet(TINY.anchors[name], out_indices=(1, 3), block='basic', stem='3x3s2')
    if not options.keys() & {'stem', 'block', 'expansion'}:
        assert built.state_dict().keys() == sub.state_dict().keys()
    channels = options.get('in_channels', 3)
    assert_equal_outputs(net, sub, torch.randn(2, channels, 41, 33))


@pytest.mark.parametrize('strides', [(1, 2, 2, 2), (1, 2, 2, 1)])
@pytest.mark.parametrize('output_stride', [4, 8, 16])
def test_dilated_twin_sees_what_the_strided_one_sees(scramble, strides, output_stride):
    """Its map is finer, and equal where the strided one has a cell."""
    family = TINY.with_options(block='bottleneck', strides=strides).family
    arch = dict(TINY.max, depth=[1, 2, 2, 2])
    strided = scramble(SubnetResNet(arch, **vars(family))).double().eval()
    dilated = SubnetResNet(arch, **{**vars(family), **family.dilated(output_stride)})
    dilated.double().eval().load_state_dict(strided.state_dict(), strict=True)
    with torch.no_grad():
        x = torch.randn(1, 3, 64, 64).double()
        [coarse], [fine] = strided(x), dilated(x)
    assert 64 // fine.size(2) == min(output_stride, 64 // coarse.size(2))
    step = fine.size(2) // coarse.size(2)
    torch.testing.assert_close(fine[..., ::step, ::step], coarse)


def test_subnets_of_a_synchronised_supernet_are_plain():
    net = DynamicResNet(TINY, norm_cfg=dict(type='SyncBN', momentum=0.2))
    assert isinstance(net.bn1, DynamicSyncBatchNorm) and net.bn1.momentum == 0.2
    assert type(net.extract('MIN').bn1) is nn.BatchNorm2d


@pytest.mark.parametrize('train', [True, False])
def test_norms_are_frozen_as_in_mmcv(train):
    options = dict(norm_cfg=dict(type='BN', requires_grad=train))
    for net in (
        DynamicResNet(TINY, **options),
        SubnetResNet(arch=TINY.min, block='basic', **options),
    ):
        norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
        assert {p.requires_grad for m in norms for p in m.parameters()} == {train}
        assert net.conv1.weight.requires_grad


# cost


def test_cost_of_the_path_is_that_of_the_module(in_bounds):
    """Against torch's own counter, on modules without storage, at any size and set of options."""
    space = TINY

    @settings(max_examples=12, deadline=None)
    @given(in_bounds(space), st.integers(33, 260), st.integers(33, 260), st.sampled_from(OPTIONS))
    def check(arch, height, width, options):
        variant = space.with_options(**options)
        with torch.device('meta'):
            net = SubnetResNet(arch, **vars(variant.family))
            images = torch.empty(1, variant.family.in_channels, height, width)
        with FlopCounterMode(display=False) as counter:
            net(images)
        cost = count_cost(variant, arch, (height, width))
        assert cost.flops == counter.get_total_flops() / 2  # torch counts adds as well
        assert cost.params == sum(p.numel() for p in net.parameters())

    check()


# options


def test_out_indices():
    x = torch.randn(1, 3, 64, 64)
    net = SubnetResNet(TINY.max, out_indices=(0, 2), block='basic', stem='3x3s2')
    assert [tuple(out.shape) for out in net(x)] == [(1, 16, 16, 16), (1, 64, 4, 4)]


def test_zero_init_residual_starts_blocks_as_their_shortcut():
    net = SubnetResNet(TINY.max, zero_init_residual=True, block='basic')
    net.init_weights()
    assert not net.layer2[1].bn2.weight.any()
    x = torch.rand(1, 32, 8, 8)
    step = net.active_path.stages[1][1]
    assert torch.equal(net.layer2[1].eval()(step, x), x)


def test_registered_for_other_scopes():
    from mmengine.registry import MODELS as ROOT_MODELS

    cfg = dict(type='gaia_ssl.SubnetResNet', arch=TINY.min, block='basic')
    assert isinstance(ROOT_MODELS.build(cfg), SubnetResNet)
    assert isinstance(MODELS.build(dict(type='DynamicResNet', space='tiny10to22')), DynamicResNet)


@pytest.mark.slow
def test_subnets_need_neither_mmpretrain_nor_mmdet():
    code = (
        'import sys\n'
        'from mmengine.registry import MODELS\n'
        f"MODELS.build(dict(type='gaia_ssl.SubnetResNet', arch={TINY.min}))\n"
        "assert not {'mmpretrain', 'mmdet', 'mmseg'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)


# what they refuse


@pytest.fixture
def subnet():
    return SubnetResNet(TINY.min, block='basic', stem='3x3s2')


def spoil(state, problem):
    if problem == 'missing':
        del state['layer3.0.conv1.weight']
    elif problem == 'unexpected':
        state['layer1.7.conv1.weight'] = torch.zeros(1)
    elif problem == 'misshaped':
        state['conv1.weight'] = torch.zeros(9, 3, 3, 3)
    return state


@pytest.mark.parametrize('strict', [True, False])
@pytest.mark.parametrize('problem', ['missing', 'unexpected', 'misshaped'])
def test_subnet_refuses_other_weights(subnet, problem, strict):
    state = spoil(subnet.state_dict(), problem)
    with pytest.raises(UserError, match=f'checkpoint: 1 {problem} .* of SubnetResNet at arch'):
        subnet.load_state_dict(state, strict=strict)


@pytest.mark.parametrize('problem', ['missing', 'unexpected', 'misshaped'])
def test_subnet_refuses_other_weights_by_init_cfg(tmp_path, subnet, problem):
    """MMEngine's initialiser is not strict by itself."""
    torch.save(dict(state_dict=spoil(subnet.state_dict(), problem)), tmp_path / 'wrong.pth')
    cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'wrong.pth'))
    net = SubnetResNet(TINY.min, block='basic', stem='3x3s2', init_cfg=cfg)
    with pytest.raises(UserError, match=f'checkpoint: 1 {problem} '):
        net.init_weights()


def test_subnet_inside_a_model_refuses_other_weights(subnet):
    model = nn.Sequential(subnet, nn.Linear(3, 3))
    state = model.state_dict()
    model.load_state_dict(state)
    state['0.conv1.weight'] = torch.zeros(9, 3, 3, 3)
    with pytest.raises(UserError, match='first: 0.conv1.weight'):
        model.load_state_dict(state, strict=False)


def test_subnet_loads_its_own_weights_by_init_cfg(tmp_path, subnet, scramble):
    state = scramble(subnet).state_dict()
    counters = {key for key in state if key.endswith('num_batches_tracked')}
    torch.save(
        dict(state_dict={k: v for k, v in state.items() if k not in counters}), tmp_path / 'w'
    )
    cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'w'))
    net = SubnetResNet(TINY.min, block='basic', stem='3x3s2', zero_init_residual=True, init_cfg=cfg)
    net.init_weights()
    assert all(torch.equal(state[key], value) for key, value in net.state_dict().items())


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(out_indices=(4,)), 'out_indices: .* are not among the stages 0..3'),
        (dict(out_indices=()), 'out_indices: .* are not among the stages 0..3'),
        (dict(frozen_stages=5), 'frozen_stages: 5 is not in -1..4'),
        (dict(space='ar50'), "space: 'ar50' is unknown"),
        (dict(norm_cfg=dict(type='GN')), "norm_cfg.type: 'GN' is not one of"),
        (dict(norm_cfg=dict(type='BN', eps=0.01)), 'norm_cfg.eps: a supernet takes type'),
        (dict(style='tf'), "style: 'tf' is not one of"),
        (dict(groups=2), 'groups: unknown option'),
        (dict(strides=(1, 2)), 'strides: 2 stages, but width has 4'),
    ],
)
def test_unfit_arguments(change, message):
    with pytest.raises(UserError, match=message):
        DynamicResNet(**{**dict(space='tiny10to22'), **change})


@pytest.mark.parametrize(
    'arch, message',
    [
        (
            dict(stem_width=64, width=[64, 128], depth=[3, 4, 6, 3]),
            r'arch.width: \[64, 128\] is not a list of 4',
        ),
        (dict(stem_width=64, width=[64, 128, 0, 1], depth=[3, 4, 6, 3]), 'width: .* positive'),
        (dict(width=[64, 128, 256, 512], depth=[3, 4, 6, 3]), 'arch.stem_width: missing'),
        (dict(stem_width=64, width=[64] * 4, depth=[1] * 4, groups=1), 'arch.groups: unknown'),
        (dict(stem_width=64, width=64, depth=[3, 4, 6, 3]), 'arch.width: 64 is not a list'),
        (dict(stem_width='64', width=[64] * 4, depth=[1] * 4), 'arch.stem_width: .*whole number'),
        ('R50', 'arch: '),
    ],
    ids=str,
)
def test_unfit_archs_of_a_subnet(arch, message):
    with pytest.raises(UserError, match=message):
        SubnetResNet(arch)
