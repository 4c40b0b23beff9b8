"""A family that only this file knows: the whole package works with it as it is.

ConvNeXt (Liu et al., CVPR 2022), elastic in width and depth: layer norms, 7x7 depthwise
convolutions, linear layers, layer scale, layers between the stages, a norm of the last stage's
output, and mmpretrain's names of weights.
"""

import itertools
import json
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import DefaultScope
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from gaia_ssl.export import Choice, extract
from gaia_ssl.export.calibrate import NOTHING_TO_CALIBRATE, average_statistics
from gaia_ssl.models.backbones import SUPERNETS, DynamicBackbone, PathBackbone, SubnetBackbone
from gaia_ssl.models.layers import batch_norms, make_input_elastic
from gaia_ssl.registry import MODELS
from gaia_ssl.search.batchnorm import group_statistics
from gaia_ssl.search.evaluator import TreeEvaluator
from gaia_ssl.search.latency import LatencySettings, measure
from gaia_ssl.search.terms import build_terms
from gaia_ssl.space import FAMILIES, Cost, Family, LatencyTable, count_cost, get_space
from gaia_ssl.space.families import conv, nbytes, norm
from gaia_ssl.space.latency import path_keys

# space: steps, path, cost


class Patches(NamedTuple):
    """A strided convolution that cuts its input into patches: the stem, or between stages."""

    name: str
    out_channels: int
    stride: int


class Block(NamedTuple):
    """A depthwise convolution, a norm, two linear layers and a scaled residual."""

    name: str
    out_channels: int


class Norm(NamedTuple):
    """The norm of a stage's output."""

    name: str
    out_channels: int


@dataclass(frozen=True)
class ConvNeXtFamily(Family):
    """The options that all ConvNeXts of a space share."""

    norm = dict(type='LN2d', eps=1e-6)

    stages = 4

    def reads(self, stage):
        if stage < 0:
            return [('width', 0)]
        return [*([('width', stage - 1)] if stage else []), ('width', stage), ('depth', stage)]

    def in_channels_of(self, segment):
        return self.in_channels if segment.stage < 0 else segment.numbers[0]

    def steps(self, segment):
        stage, (*_, width, depth) = segment.stage, (0, *segment.numbers)
        if stage < 0:
            return (Patches('downsample_layers.0', depth, 4),)
        between = [Patches(f'downsample_layers.{stage}', width, 2)] if stage else []
        return *between, *(Block(f'stages.{stage}.{i}', width) for i in range(depth))

    def output_step(self, segment):
        return Norm('norm3', segment.numbers[-2]) if segment.stage == 3 else None

    def step_cost(self, step, in_channels, size):
        width = step.out_channels
        if isinstance(step, Norm):
            return norm(width, size), size
        if isinstance(step, Patches):
            out_size = size[0] // step.stride, size[1] // step.stride
            patches = conv(in_channels, width, step.stride, size, out_size, bias=True)
            normed = norm(*((width, out_size) if step.stride == 4 else (in_channels, size)))
            return Cost.of_steps([patches, normed]), out_size
        waiting = nbytes(width, size)
        costs = [
            conv(width, width, 7, size, size, groups=width, bias=True),
            norm(width, size, waiting),
            conv(width, 4 * width, 1, size, size, waiting=waiting, bias=True),
            conv(4 * width, width, 1, size, size, waiting=waiting, bias=True),
            Cost(0, width, 0),  # the layer scale
        ]
        return Cost.of_steps(costs), size


# models: how a step is run


class PatchLayer(nn.Sequential):
    def __init__(self, step, in_channels, layers):
        patches = layers.conv(in_channels, step.out_channels, step.stride, step.stride)
        norm_first = step.stride == 2
        super().__init__(*[layers.norm(in_channels), patches] if norm_first else [patches])
        if not norm_first:
            self.append(layers.norm(step.out_channels))

    def forward(self, step, x):
        for layer in self:
            x = layer(x, step.out_channels) if isinstance(layer, nn.Conv2d) else layer(x)
        return x


class ConvNeXtBlock(nn.Module):
    def __init__(self, step, layers):
        super().__init__()
        width = step.out_channels
        self.depthwise_conv = layers.conv(width, width, 7, padding=3, groups=width)
        self.norm = layers.norm(width)
        self.pointwise_conv1 = layers.linear(width, 4 * width)
        self.pointwise_conv2 = layers.linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 1e-6))

    def forward(self, step, x):
        width = step.out_channels
        out = self.norm(self.depthwise_conv(x, width)).permute(0, 2, 3, 1)  # -> (N, H, W, C)
        out = F.gelu(self.pointwise_conv1(out, 4 * width))
        out = self.pointwise_conv2(out, width) * self.gamma[:width]
        return x + out.permute(0, 3, 1, 2)


class ConvNeXt(PathBackbone):
    family_type = ConvNeXtFamily
    default_init = [dict(type='TruncNormal', layer=['Conv2d', 'Linear'], std=0.02, bias=0)]

    def build_step(self, step, in_channels, layers):
        if isinstance(step, Norm):
            return layers.norm(step.out_channels)
        if isinstance(step, Patches):
            return PatchLayer(step, in_channels, layers)
        return ConvNeXtBlock(step, layers)

    def apply_step(self, step, x):
        return self.norm3(x) if isinstance(step, Norm) else super().apply_step(step, x)


class SubnetConvNeXt(ConvNeXt, SubnetBackbone):
    """The static twin."""


class DynamicConvNeXt(ConvNeXt, DynamicBackbone):
    subnet_type = SubnetConvNeXt


# the proof

DATA = dict(
    name='cnx4to7',
    family=dict(type='convnext'),
    choices=dict(
        width=[[8, 12], [16, 24], [32, 40], [48, 64]],
        depth=[[1, 2], [1, 2], [1, 2], [1]],
    ),
)
WHICH = ['MAX', 'MIN', 'random']


@pytest.fixture(scope='module', autouse=True)
def known():
    """Make the family and its backbones known by name, as a package would."""
    FAMILIES['convnext'] = ConvNeXtFamily
    for cls in (SubnetConvNeXt, DynamicConvNeXt):
        MODELS.register_module(module=cls)
    yield
    del FAMILIES['convnext'], SUPERNETS[ConvNeXtFamily]
    for cls in (SubnetConvNeXt, DynamicConvNeXt):
        del MODELS.module_dict[cls.__name__]


@pytest.fixture(scope='module')
def space(known):
    return get_space(DATA)


@pytest.fixture(scope='module')
def net(space):
    """A supernet whose weights all matter."""
    torch.manual_seed(0)
    net = MODELS.build(dict(type='DynamicConvNeXt', space=space, out_indices=(0, 1, 2, 3)))
    for name, parameter in net.named_parameters():
        scale = 0.3 if parameter.dim() > 1 else 0.5
        nn.init.normal_(parameter, mean=float('norm' in name or 'gamma' in name), std=scale)
    return net.eval()


@pytest.fixture(scope='module')
def images():
    return torch.randn(2, 3, 67, 64, generator=torch.Generator().manual_seed(1))


def choose(space, which):
    return space.sample(np.random.default_rng(3)) if which == 'random' else space.anchors[which]


@pytest.mark.parametrize('which', WHICH)
def test_extracted_equals_the_supernet(space, net, images, which):
    arch = choose(space, which)
    net.set_arch(arch)
    subnet = net.extract(arch)
    with torch.no_grad():
        outs = list(zip(net(images), subnet(images), strict=True))
    for ours, theirs in outs:
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)
    shapes = subnet.output_shapes((67, 64))
    assert [s.channels for s in shapes] == arch['width']
    assert [(s.channels, *s.size) for s in shapes] == [tuple(o.shape[1:]) for _, o in outs]
    assert [s.stride for s in shapes] == [4, 8, 16, 32]
    with pytest.raises(Exception, match='load the weights extracted at this arch'):
        net.extract('MIN').load_state_dict(net.extract('MAX').state_dict())


def test_gradients_are_those_of_the_subnet(space, net, images):
    arch = choose(space, 'random')
    net.set_arch(arch)
    subnet = net.extract(arch)
    for model in (net, subnet):
        model.zero_grad()
        sum(out.square().mean() for out in model(images)).backward()
    grads = {name: p.grad for name, p in net.named_parameters()}
    for name, parameter in subnet.named_parameters():
        used = torch.zeros_like(grads[name], dtype=torch.bool)
        used[tuple(map(slice, parameter.shape))] = True
        torch.testing.assert_close(grads[name][used], parameter.grad.flatten())
        assert not grads[name][~used].any()
    net.zero_grad()


def test_extracted_equals_mmpretrain(space, net, images):
    import mmpretrain.models  # noqa: F401 - registers its backbones

    for which in WHICH:
        arch = choose(space, which)
        peer = ROOT_MODELS.build(
            dict(
                type='mmpretrain.ConvNeXt',
                arch=dict(depths=arch['depth'], channels=arch['width']),
                gap_before_final_norm=False,
            )
        )
        subnet = net.extract(arch)
        subnet.out_indices = (3,)
        peer.load_state_dict(subnet.state_dict(), strict=True)
        peer.eval()
        with torch.no_grad():
            torch.testing.assert_close(subnet(images)[0], peer(images)[0])


def test_cost_of_the_path_is_that_of_torch(space):
    for which in WHICH:
        arch = choose(space, which)
        with torch.device('meta'):
            subnet = SubnetConvNeXt(arch)
            with FlopCounterMode(display=False) as counter:
                subnet(torch.empty(1, 3, 97, 64))
        cost = count_cost(space, arch, (97, 64))
        assert cost.flops == counter.get_total_flops() / 2  # torch counts adds as well
        assert cost.params == sum(p.numel() for p in subnet.parameters())


def test_costs_of_the_grid_are_those_of_its_archs(space):
    grid = space.costs(64)
    single = [count_cost(space, arch, 64) for arch in space]
    assert len(single) == 2**7
    for found, expected in zip(grid, zip(*single), strict=True):
        assert found.tolist() == list(expected)


def test_every_layer_can_be_frozen_and_trained(space):
    net = DynamicConvNeXt(space, frozen_stages=2)
    frozen = {'downsample_layers.0', 'downsample_layers.1', 'stages.0', 'stages.1'}
    for name, parameter in net.named_parameters():
        assert parameter.requires_grad == ('.'.join(name.split('.')[:2]) not in frozen)
    net.init_weights()
    assert 0.015 < net.stages[3][0].pointwise_conv1.weight.std() < 0.025


def test_an_iteration_of_training(space):
    import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods

    torch.manual_seed(0)
    neck = dict(type='mmpretrain.NonLinearNeck', in_channels=64, hid_channels=16, out_channels=8)
    model = MODELS.build(
        dict(
            type='LiftedSupernet',
            algorithm='mmpretrain.SimCLR',
            backbone=dict(type='DynamicConvNeXt', space=space),
            neck=neck,
            head=dict(
                type='mmpretrain.ContrastiveHead',
                loss=dict(type='mmpretrain.CrossEntropyLoss'),
                temperature=0.1,
            ),
        )
    )
    before = {name: p.clone() for name, p in model.backbone.named_parameters()}
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1.0))
    views = [torch.rand(4, 3, 64, 64) for _ in range(2)]
    losses = model.train_step(dict(inputs=views, data_samples=None), optimizer)
    assert set(losses) == {'loss', 'loss_min', 'loss_subnet1', 'loss_max'}
    assert all(loss.isfinite() for loss in losses.values())
    moved = [n for n, p in model.backbone.named_parameters() if not torch.equal(p, before[n])]
    assert len(moved) == len(before)


class Pooled(nn.Module):
    """A neck: pool, then map linearly."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 8)

    def forward(self, x):
        return (self.fc(x[0].mean((2, 3))),)


@pytest.fixture(scope='module')
def encoder(net):
    torch.manual_seed(1)
    return net, make_input_elastic(Pooled(), 64)


TERMS = [('dense', 'mse', (1, 3)), ('global', 'cosine', None)]


@pytest.mark.parametrize('task, distance, stages', TERMS)
def test_tree_equals_one_by_one(space, encoder, task, distance, stages):
    net, neck = encoder
    terms = build_terms(task, distance, stages, 4)
    archs = [space.max, *(space.sample(np.random.default_rng(i)) for i in range(8))]
    images = torch.randn(16, 3, 64, 64)
    evaluator = TreeEvaluator(encoder, encoder, terms, archs, (64, 64))
    [tree] = evaluator(images, [16], room=2**24)
    [term] = terms

    @torch.no_grad()
    def read(arch):
        maps = net.extract(arch).eval()(images)
        return [neck(maps[3:])[0]] if task == 'global' else [maps[stage] for stage in stages]

    targets = [term.score.target(x) for x in read(space.max)]
    for found, arch in zip(tree[:, 0], archs, strict=True):
        values = [term.score(x, t).double().sum() for x, t in zip(read(arch), targets)]
        assert found == pytest.approx(float(sum(values)) / len(values), rel=1e-5, abs=1e-9)


def peak_bytes(function):
    """The most bytes that the allocator has given out at a time while a function runs."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        function()
    events = profiler.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == '[memory]')
    return max(itertools.accumulate(nbytes for _, nbytes in changes))


@pytest.mark.parametrize('task, distance, stages', TERMS)
def test_memory_is_bounded(space, encoder, task, distance, stages):
    terms = build_terms(task, distance, stages, 4)
    archs = [space.max, *(space.sample(np.random.default_rng(i)) for i in range(8))]
    evaluator = TreeEvaluator(encoder, encoder, terms, archs, (64, 64))
    images = torch.randn(16, 3, 64, 64)
    need = evaluator.need * len(images)
    used = peak_bytes(lambda: evaluator(images, [16])) + images.nbytes
    assert need / 4 < used <= need


def test_there_is_nothing_to_calibrate(net):
    assert not batch_norms(net) and not net.space.family.has_batch_norms
    unread = iter([torch.randn(2, 3, 64, 64)])
    average_statistics(net.extract('MIN'), unread)
    assert len(list(unread)) == 1
    net.train()
    with group_statistics([net], [2, 3]):
        assert not net.training
    assert net.eval().norm3.weight.requires_grad


def test_latency_table(tmp_path, space):
    options = LatencySettings(threads=1, input_size=32, rounds=1, validate=2)
    table = measure(space, options)
    keys = {key for arch in space for key in path_keys(space.family, arch, (32, 32))}
    assert table.seconds.keys() == keys
    assert {key.kind for key in keys} == {'Patches', 'Block', 'Norm'}
    table.save(str(tmp_path / 'table.json'))
    loaded = LatencyTable.load(str(tmp_path / 'table.json'), space)
    assert loaded == table
    expected = sum(table.seconds[key] for key in path_keys(space.family, space.max, (32, 32)))
    assert loaded.latency(space.max) == pytest.approx(expected)


def test_written_configs_build_and_load_their_weights(tmp_path, space, net):
    (tmp_path / 'config.py').write_text(
        f'model = dict(backbone=dict(type="DynamicConvNeXt", space={DATA}))\n'
    )
    weights = {f'backbone.{key}': value for key, value in net.state_dict().items()}
    torch.save(dict(state_dict=weights), tmp_path / 'epoch_1.pth')
    config = Config.fromfile(tmp_path / 'config.py')
    arch = choose(space, 'random')
    folder = tmp_path / 'subnet'
    meta = extract(
        config,
        str(tmp_path / 'epoch_1.pth'),
        Choice(arch),
        str(folder),
        calibrate_on='no images are needed',
    )
    assert meta['calibration'] == NOTHING_TO_CALIBRATE and meta['type'] == 'SubnetConvNeXt'
    written = sorted(folder.glob('*.py'))
    # FCN dilates, which this family does not
    assert [path.name.split('_')[1] for path in written] == [
        'faster-rcnn', 'mask-rcnn', 'linear', 'upernet'
    ]  # fmt: skip
    own = net.extract(arch).state_dict()
    for path in written:
        config = Config.fromfile(path)
        options = config.model.backbone
        assert options.norm_cfg == dict(type='LN2d', eps=1e-6) and 'norm_eval' not in options
        with DefaultScope.overwrite_default_scope(config.default_scope):
            backbone = ROOT_MODELS.build(options)
            backbone.init_weights()
        assert json.loads((folder / 'arch.json').read_text()) == backbone.arch == arch
        assert backbone.state_dict().keys() == own.keys()
        assert all(torch.equal(own[key], value) for key, value in backbone.state_dict().items())
