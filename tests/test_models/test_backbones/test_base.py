"""Properties of every supernet and its subnets, over all spaces at MAX, MIN and random."""

import itertools
import json
from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F
from hypothesis import given, settings
from torch.utils.flop_counter import FlopCounterMode

from gaia_ssl.models.backbones import DynamicMobileNet, DynamicResNet, SubnetBackbone
from gaia_ssl.space import SPACES, count_cost, get_space
from gaia_ssl.utils import UserError

# the first preset of each family with its options; the others differ in numbers alone
KINDS = [*{space.family: space.name for space in reversed(SPACES.values())}.values()]
LARGE = [name for name in KINDS if count_cost(get_space(name), get_space(name).max).params > 2e7]
WHICH = ['MAX', 'MIN', 'random']


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in LARGE]


@pytest.fixture(params=[name for name in KINDS if name not in LARGE] + SLOW)
def net(request, supernets):
    """The supernet of each space, at MAX."""
    net = supernets(request.param)
    net.set_arch('MAX')
    return net


def choose(space, which):
    """The arch of that name, or a random one."""
    return space.sample(np.random.default_rng(7)) if which == 'random' else space.anchors[which]


def images_for(space, number=2):
    """Images of a size that no stride divides; the last stage's map is of a few cells."""
    side = space.family.output_shapes(space.max)[-1].stride + 3
    return torch.randn(number, space.family.in_channels, side, side + 7)


def used_by(subnet, name, full):
    """Which elements of a supernet's weight a subnet has: first channels, centre of the kernel."""
    used = torch.zeros(full, dtype=torch.bool)
    shape = dict(subnet.named_parameters())[name].shape
    kernel = [slice((a - b) // 2, (a + b) // 2) for a, b in zip(full[2:], shape[2:], strict=True)]
    used[(*map(slice, shape[:2]), *kernel)] = True
    assert used.sum() == shape.numel()
    return used


def assert_equal_outputs(one, two, x):
    """Equal to 1e-6 of the outputs' scale."""
    with torch.no_grad():
        outs = list(zip(one(x), two(x), strict=True))
    for a, b in outs:
        assert a.shape == b.shape and a.isfinite().all() and a.std() > 0
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6 * float(a.abs().max()))


# forward and backward


@pytest.mark.parametrize('which', WHICH)
def test_forward_is_finite_and_of_the_width_of_the_arch(net, which):
    arch = choose(net.space, which)
    net.set_arch(arch)
    images = images_for(net.space)
    with torch.no_grad():
        outs = net(images)
    shapes = net.output_shapes(tuple(images.shape[2:]))
    assert [(out.size(1), tuple(out.shape[2:])) for out in outs] == [(s[0], s[2]) for s in shapes]
    assert all(out.isfinite().all() and out.std() > 0 for out in outs)


@pytest.mark.parametrize('which', WHICH)
def test_gradients_are_nonzero_exactly_where_the_arch_has_weights(monkeypatch, net, which):
    torch.manual_seed(0)
    # activations without a flat part, so that the layers alone decide; norms are in eval mode,
    # since batch statistics take the gradient from a bias before them
    for name in ('relu', 'relu6'):
        monkeypatch.setattr(F, name, lambda x, inplace=False: F.softplus(x))
    arch = choose(net.space, which)
    net.set_arch(arch)
    # every tap of the largest kernel meets the smallest map
    steps = itertools.chain(*net.space.path(net.space.max).stages)
    kernel = max(getattr(step, 'kernel', 3) for step in steps)
    side = net.output_shapes()[-1].stride * (kernel // 2 + 1)
    out = net(torch.randn(2, net.space.family.in_channels, side, side))[-1]
    (out * torch.randn_like(out)).sum().backward()
    subnet = net.extract(arch)
    own = {name for name, _ in subnet.named_parameters()}
    for name, parameter in net.named_parameters():
        if name not in own:
            assert parameter.grad is None, name
            continue
        used = used_by(subnet, name, parameter.shape)
        assert parameter.grad.isfinite().all(), name
        assert not parameter.grad[~used].any(), name
        # terms may cancel in a weight among thousands; a channel is at least 1/2560, a tap 1/49
        assert (parameter.grad[used] == 0).sum() <= 2e-4 * used.sum(), name
    if which == 'MAX':
        assert own == {name for name, _ in net.named_parameters()}
    net.zero_grad()


@pytest.mark.parametrize('space', [name for name in KINDS if name not in LARGE])
def test_gradients_are_those_of_the_subnet(scramble, supernet_type, space):
    space = get_space(space)
    net = scramble(supernet_type(space)(space)).train()
    arch = choose(space, 'random')
    net.set_arch(arch)
    subnet = net.extract(arch)
    assert subnet.training
    x = torch.randn(4, 3, 64, 64)
    for model in (net, subnet):
        model(x)[-1].square().mean().backward()
    grads = dict(net.named_parameters())
    for name, parameter in subnet.named_parameters():
        used = used_by(subnet, name, grads[name].shape)
        part = grads[name].grad[used].view(parameter.shape)
        torch.testing.assert_close(part, parameter.grad, rtol=1e-4, atol=1e-6)
    statistics = net.state_dict()
    for name, value in subnet.state_dict().items():
        if 'running' in name:
            torch.testing.assert_close(statistics[name][: len(value)], value)


@pytest.mark.parametrize('space', [name for name in KINDS if name not in LARGE])
def test_checkpointing_gives_equal_gradients(scramble, supernet_type, space):
    x = torch.randn(2, 3, 64, 64)
    grads = []
    for with_cp in (False, True):
        net = scramble(supernet_type(space)(space, with_cp=with_cp)).train()
        net.set_arch(choose(net.space, 'random'))
        net(x)[-1].square().mean().backward()
        grads.append({k: p.grad for k, p in net.named_parameters() if p.grad is not None})
    assert grads[0].keys() == grads[1].keys()
    for key, grad in grads[0].items():
        torch.testing.assert_close(grad, grads[1][key])


# state and extraction


def test_state_dict_round_trip(net, supernet_type):
    other = supernet_type(net.space)(net.space, out_indices=net.out_indices).eval()
    other.load_state_dict(net.state_dict(), strict=True)
    x = images_for(net.space)
    for which in WHICH:
        arch = choose(net.space, which)
        for each in (net, other):
            each.set_arch(arch)
        with torch.no_grad():
            assert all(torch.equal(a, b) for a, b in zip(net(x), other(x), strict=True)), which
        subnet = net.extract(arch)
        again = type(subnet)(arch, **net.subnet_options()).eval()
        again.load_state_dict(subnet.state_dict(), strict=True)
        with torch.no_grad():
            assert all(torch.equal(a, b) for a, b in zip(subnet(x), again(x), strict=True)), which


def test_extracted_equals_the_supernet_at_any_arch(net, in_bounds):
    x = images_for(net.space)

    @settings(max_examples=4 if net.space.name in LARGE else 20, deadline=None)
    @given(in_bounds(net.space))
    def check(arch):
        net.set_arch(arch)
        subnet = net.extract(arch)
        assert not subnet.training and subnet.arch == arch
        assert_equal_outputs(net, subnet, x)

    check()


@pytest.mark.parametrize('which', ['MAX', 'MIN'])
def test_extracted_equals_the_supernet_at_its_ends(net, which):
    net.set_arch(which)
    assert_equal_outputs(net, net.extract(which), images_for(net.space))


def test_extraction_leaves_the_supernet_as_it_is_and_copies(net):
    before = {key: value.clone() for key, value in net.state_dict().items()}
    subnet = net.extract('MIN')
    for parameter in subnet.parameters():
        parameter.data.zero_()
    assert net.arch == net.space.max
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


@pytest.mark.parametrize('space', [name for name in KINDS if name not in LARGE])
def test_every_anchor_runs_after_construction_at_max(supernet_type, space):
    net = supernet_type(space)(space).eval()
    assert net.arch == net.space.max
    for name, arch in net.space.anchors.items():
        net.set_arch(name)
        assert net.arch == arch == json.loads(json.dumps(net.arch))
        [out] = net(torch.randn(1, 3, 32, 32))
        assert out.size(1) == arch['width'][-1]


# cost


@pytest.mark.parametrize('which', WHICH)
def test_cost_of_the_path_is_that_of_the_extracted_module(net, which):
    """Hooks on the convolutions of an extracted subnet count what the path says."""
    arch = choose(net.space, which)
    subnet = net.extract(arch)
    flops = []

    def count(conv, inputs, output):
        flops.append(output[0, 0].numel() * conv.weight.numel())

    for module in subnet.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        subnet(torch.randn(1, 3, 48, 65))
    cost = count_cost(net.space, arch, (48, 65))
    assert cost.flops == sum(flops)
    assert cost.params == sum(p.numel() for p in subnet.parameters())


@pytest.mark.parametrize('space', KINDS)
def test_cost_of_the_path_is_that_of_torch(supernet_type, in_bounds, space):
    """Against torch's own counter, on modules without storage."""
    space = get_space(space)
    subnet_type = supernet_type(space).subnet_type

    @settings(max_examples=2 if space.name in LARGE else 5, deadline=None)
    @given(in_bounds(space))
    def check(arch):
        with torch.device('meta'):
            subnet = subnet_type(arch, **vars(space.family))
            images = torch.empty(1, space.family.in_channels, 97, 224)
        with FlopCounterMode(display=False) as counter:
            subnet(images)
        cost = count_cost(space, arch, (97, 224))
        assert cost.flops == counter.get_total_flops() / 2  # torch counts adds as well
        assert cost.params == sum(p.numel() for p in subnet.parameters())

    check()


# options


@pytest.mark.parametrize('space', ['tiny10to22', 'tinymb4to8'])
@pytest.mark.parametrize('frozen_stages', [-1, 0, 1, 3, 4])
def test_frozen_stages_are_frozen_from_the_start(supernet_type, space, frozen_stages):
    """Also before ``train()``: wrappers and optimizers look at parameters before that."""
    net = supernet_type(space)(space, frozen_stages=frozen_stages)
    for each in (net, net.extract('MIN')):
        frozen = {'conv1', 'bn1', *(f'layer{i}' for i in range(1, frozen_stages + 1))}
        frozen = frozen if frozen_stages >= 0 else set()
        for _ in range(2):
            for name, parameter in each.named_parameters():
                assert parameter.requires_grad == (name.split('.')[0] not in frozen)
            each.train()
        for name, module in each.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.training == (name.split('.')[0] not in frozen)


@pytest.mark.parametrize('space', ['tiny10to22', 'tinymb4to8'])
def test_norm_eval_keeps_statistics(scramble, supernet_type, space):
    net = scramble(supernet_type(space)(space, norm_eval=True).extract('MIN')).train()
    before = deepcopy(net.state_dict())
    net(torch.randn(2, 3, 64, 64))[-1].sum().backward()
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(p.grad is not None for p in net.parameters())


def test_the_last_stage_is_put_out_by_default():
    assert DynamicMobileNet('mb12to22').out_indices == (6,)
    assert DynamicResNet('tiny10to22').out_indices == (3,)


@pytest.mark.parametrize('space', ['tiny10to22', 'tinymb4to8'])
def test_initialisation_is_kaiming_and_ones(supernet_type, space):
    net = supernet_type(space)(space)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d)):
            nn.init.constant_(module.weight, 5)
    net.init_weights()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.weight[:, 0].numel()
            assert 0.6 < module.weight.std() * (fan_out / 2) ** 0.5 < 1.5
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all() and not module.bias.any()


# what they refuse


@pytest.mark.parametrize('space', ['tiny10to22', 'tinymb4to8'])
@pytest.mark.parametrize('problem', ['missing', 'unexpected', 'misshaped'])
def test_subnets_refuse_other_weights(supernet_type, space, problem):
    net = supernet_type(space)(space).extract('MIN')
    assert isinstance(net, SubnetBackbone)
    state = net.state_dict()
    key = next(key for key in state if key.startswith('layer2.0'))
    if problem == 'missing':
        del state[key]
    else:
        state[f'{key}.other' if problem == 'unexpected' else key] = torch.zeros(1)
    with pytest.raises(UserError, match=f'checkpoint: 1 {problem} .* of {type(net).__name__} at'):
        net.load_state_dict(state, strict=False)


def test_spaces_of_another_family_are_refused():
    with pytest.raises(UserError, match="'mb12to22' is a MobileNetFamily; DynamicResNet takes a"):
        DynamicResNet('mb12to22')
    with pytest.raises(UserError, match="'tiny10to22' is a ResNetFamily; DynamicMobileNet takes"):
        DynamicMobileNet('tiny10to22')
