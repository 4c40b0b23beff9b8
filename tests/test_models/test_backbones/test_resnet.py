"""DynamicResNet and SubnetResNet: extraction, options, cost, and what they refuse."""

import json
import subprocess
import sys
from copy import deepcopy
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
from gaia_ssl.space import SPACES, count_cost, get_space
from gaia_ssl.utils import UserError

ROOT = Path(__file__).resolve().parents[3]
TINY = get_space('tiny10to22')
SIZES = dict(ar50to101=40, tiny10to22=33)
OPTIONS = [
    dict(style='caffe'),
    dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), contract_dilation=True),
    dict(stem='3x3'),
    dict(stem='7x7', in_channels=1),
    dict(block='bottleneck', style='caffe', dilations=(1, 2, 2, 2)),
]


def assert_equal_outputs(one, two, x):
    """Equal to 1e-6 of the outputs' scale."""
    with torch.no_grad():
        outs = list(zip(one(x), two(x), strict=True))
    for a, b in outs:
        assert a.shape == b.shape and a.isfinite().all() and a.std() > 0
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6 * float(a.abs().max()))


# extraction


@pytest.mark.parametrize('space', SPACES)
def test_extracted_equals_the_supernet_at_any_arch(supernets, in_bounds, space):
    net = supernets(space)
    images = torch.randn(2, 3, SIZES[space], SIZES[space] + 7)

    @settings(max_examples=8 if space == 'ar50to101' else 40, deadline=None)
    @given(in_bounds(net.space))
    def check(arch):
        net.set_arch(arch)
        sub = net.extract(arch)
        assert not sub.training and sub.arch == arch
        assert_equal_outputs(net, sub, images)

    check()


@pytest.mark.parametrize('name', ['MAX', 'MIN', 'R18'])
@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_extracted_equals_the_supernet_with_options(scramble, options, name):
    net = scramble(DynamicResNet(TINY, out_indices=(1, 3), **options)).eval()
    net.set_arch(name)
    sub = net.extract(name)
    built = SubnetResNet(TINY.anchors[name], out_indices=(1, 3), block='basic', stem='3x3s2')
    if 'stem' not in options and 'block' not in options:
        assert built.state_dict().keys() == sub.state_dict().keys()
    channels = options.get('in_channels', 3)
    assert_equal_outputs(net, sub, torch.randn(2, channels, 41, 33))


def test_extraction_leaves_the_supernet_as_it_is_and_copies(supernets):
    net = supernets('tiny10to22')
    net.set_arch('R18')
    before = deepcopy(net.state_dict())
    sub = net.extract('MIN')
    for parameter in sub.parameters():
        parameter.data.zero_()
    assert net.arch == TINY.anchors['R18']
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_extraction_in_training_mode_gives_equal_gradients(scramble):
    net = scramble(DynamicResNet(TINY)).train()
    net.set_arch('MIN')
    sub = net.extract('MIN')
    assert sub.training
    x = torch.randn(4, 3, 32, 32)
    for model in (net, sub):
        model(x)[-1].square().mean().backward()
    ours = dict(net.named_parameters())
    for name, parameter in sub.named_parameters():
        part = ours[name].grad[tuple(map(slice, parameter.shape))]
        torch.testing.assert_close(part, parameter.grad, rtol=1e-4, atol=1e-6)
        assert ours[name].grad.count_nonzero() == part.count_nonzero()
    statistics = net.state_dict()
    for name, value in sub.state_dict().items():
        if 'running' in name:
            torch.testing.assert_close(statistics[name][: len(value)], value)


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


def test_every_anchor_runs_after_construction_at_max():
    net = DynamicResNet(TINY).eval()
    assert net.arch == TINY.max
    for name, arch in TINY.anchors.items():
        net.set_arch(name)
        assert net.arch == arch == json.loads(json.dumps(net.arch))
        assert net(torch.randn(1, 3, 32, 32))[-1].shape == (1, arch['width'][-1], 1, 1)


# cost


@pytest.mark.parametrize('space', SPACES)
def test_cost_of_the_path_is_that_of_the_module(in_bounds, space):
    """Against torch's own counter, on modules without storage, at any size and set of options."""
    space = get_space(space)

    @settings(max_examples=10, deadline=None)
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


@pytest.mark.parametrize('space', SPACES)
def test_cost_of_the_path_is_that_of_the_extracted_module(supernets, space):
    """Hooks on the convolutions of an extracted subnet count what the path says."""
    net = supernets(space)
    sub = net.extract('MIN')
    flops = []

    def count(conv, inputs, output):
        flops.append(output[0, 0].numel() * conv.weight.numel())

    for module in sub.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        sub(torch.randn(1, 3, 64, 96))
    cost = count_cost(net.space, net.space.min, (64, 96))
    assert cost.flops == sum(flops)
    assert cost.params == sum(p.numel() for p in sub.parameters())


# options


@pytest.mark.parametrize('frozen_stages', [-1, 0, 1, 3, 4])
def test_frozen_stages_are_frozen_from_the_start(frozen_stages):
    """Also before ``train()``: wrappers and optimizers look at parameters before that."""
    for net in (
        DynamicResNet(TINY, frozen_stages=frozen_stages),
        DynamicResNet(TINY, frozen_stages=frozen_stages).extract('MIN'),
    ):
        frozen = {'conv1', 'bn1', *(f'layer{i}' for i in range(1, frozen_stages + 1))}
        frozen = frozen if frozen_stages >= 0 else set()
        for _ in range(2):
            for name, parameter in net.named_parameters():
                assert parameter.requires_grad == (name.split('.')[0] not in frozen)
            net.train()
        for name, module in net.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.training == (name.split('.')[0] not in frozen)


def test_norm_eval_keeps_statistics(scramble):
    net = scramble(SubnetResNet(TINY.min, norm_eval=True, block='basic')).train()
    before = deepcopy(net.state_dict())
    net(torch.randn(2, 3, 64, 64))[-1].sum().backward()
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(p.grad is not None for p in net.parameters())


def test_checkpointing_gives_equal_gradients(scramble):
    x = torch.randn(2, 3, 64, 64)
    grads = []
    for with_cp in (False, True):
        net = scramble(DynamicResNet(TINY, with_cp=with_cp)).train()
        net.set_arch('R18')
        net(x)[-1].square().mean().backward()
        grads.append({k: p.grad for k, p in net.named_parameters() if p.grad is not None})
    assert grads[0].keys() == grads[1].keys()
    for key, grad in grads[0].items():
        torch.testing.assert_close(grad, grads[1][key])


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


def test_initialisation_is_kaiming_and_ones():
    net = SubnetResNet(TINY.max, block='basic')
    nn.init.zeros_(net.layer1[0].conv1.weight)
    nn.init.zeros_(net.bn1.weight)
    net.init_weights()
    weight = net.layer4[0].conv2.weight
    assert 0.9 < weight.std() * (weight[0].numel() / 2) ** 0.5 < 1.5
    assert net.layer1[0].conv1.weight.any() and (net.bn1.weight == 1).all()


def test_registered_for_other_scopes():
    from mmengine.registry import MODELS as ROOT_MODELS

    cfg = dict(type='gaia_ssl.SubnetResNet', arch=TINY.min, block='basic')
    assert isinstance(ROOT_MODELS.build(cfg), SubnetResNet)
    assert isinstance(MODELS.build(dict(type='DynamicResNet', space='tiny10to22')), DynamicResNet)


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
