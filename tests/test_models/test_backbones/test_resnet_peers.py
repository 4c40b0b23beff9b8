"""Extracted ResNets against the ResNets of torchvision and of the OpenMMLab projects."""

import pytest
import torch
import torchvision
from mmdet.models import ResNet as MMDetResNet
from mmdet.models import ResNeXt as MMDetResNeXt
from mmpretrain.models import ResNet as MMPretrainResNet
from mmpretrain.models import ResNet_CIFAR
from mmpretrain.models import ResNeXt as MMPretrainResNeXt
from mmseg.models import ResNet as MMSegResNet
from mmseg.models import ResNeXt as MMSegResNeXt

from gaia_ssl.models.backbones import DynamicResNet, SubnetResNet

ALL = (0, 1, 2, 3)
R18 = dict(stem_width=64, width=[64, 128, 256, 512], depth=[2, 2, 2, 2])
R50 = dict(stem_width=64, width=[64, 128, 256, 512], depth=[3, 4, 6, 3])
D8 = dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4))


def assert_same(subnet, peer, size=64):
    """The peer takes the subnet's weights strictly and gives the same outputs."""
    peer.load_state_dict(subnet.state_dict(), strict=True)
    x = torch.randn(2, 3, size, size + 9)
    for net in (subnet, peer):
        net.eval()
    with torch.no_grad():
        for ours, theirs in zip(subnet(x), peer(x), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.fixture(scope='module')
def r50(supernets):
    return supernets('ar50to101').extract('R50')


@pytest.mark.parametrize('peer', [MMPretrainResNet, MMDetResNet, MMSegResNet])
def test_r50_is_the_resnet50_of_openmmlab(r50, peer):
    assert_same(r50, peer(depth=50, out_indices=ALL), size=96)


@pytest.mark.parametrize('peer', [MMPretrainResNet, MMDetResNet, MMSegResNet])
@pytest.mark.parametrize('name, depth', [('R18', 18), ('R34', 34)])
def test_r18_and_r34_are_those_of_openmmlab(supernets, peer, name, depth):
    assert_same(supernets('ar18to34').extract(name), peer(depth=depth, out_indices=ALL))


@pytest.mark.parametrize(
    'peer, group_width',
    [
        (MMPretrainResNeXt, 'width_per_group'),
        (MMDetResNeXt, 'base_width'),
        (MMSegResNeXt, 'base_width'),
    ],
)
def test_x50_is_the_resnext50_of_openmmlab(supernets, peer, group_width):
    peer = peer(depth=50, groups=32, out_indices=ALL, **{group_width: 4})
    assert_same(supernets('ax50to101').extract('X50'), peer)


@pytest.mark.parametrize(
    'space, name, peer',
    [
        ('ar18to34', 'R18', torchvision.models.resnet18),
        ('ar18to34', 'R34', torchvision.models.resnet34),
        ('ar50to101', 'R50', torchvision.models.resnet50),
        ('ax50to101', 'X50', torchvision.models.resnext50_32x4d),
    ],
)
def test_anchors_are_torchvisions_but_for_the_classifier(supernets, space, name, peer):
    subnet, peer = supernets(space).extract(name), peer().eval()
    state = subnet.state_dict()
    fc = {key: value for key, value in peer.state_dict().items() if key.startswith('fc.')}
    peer.load_state_dict({**state, **fc}, strict=True)
    assert list(state) == [key for key in peer.state_dict() if key not in fc]
    x = torch.randn(2, 3, 96, 80)
    with torch.no_grad():
        x_peer = peer.maxpool(peer.relu(peer.bn1(peer.conv1(x))))
        for ours, layer in zip(subnet(x), ALL, strict=True):
            x_peer = getattr(peer, f'layer{layer + 1}')(x_peer)
            torch.testing.assert_close(ours, x_peer, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('depth, arch, block', [(18, R18, 'basic'), (50, R50, 'bottleneck')])
@pytest.mark.parametrize(
    'options',
    [
        dict(style='caffe'),
        D8,
        dict(D8, contract_dilation=True),
        dict(strides=(1, 1, 2, 2), dilations=(1, 2, 1, 1), style='caffe'),
    ],
    ids=str,
)
def test_options_mean_what_they_mean_to_mmseg(scramble, depth, arch, block, options):
    subnet = scramble(SubnetResNet(arch, out_indices=ALL, block=block, **options))
    assert_same(subnet, MMSegResNet(depth=depth, out_indices=ALL, **options))


def test_small_stem_is_that_of_the_cifar_resnet(scramble):
    subnet = scramble(SubnetResNet(R18, out_indices=ALL, block='basic', stem='3x3'))
    assert_same(subnet, ResNet_CIFAR(depth=18, out_indices=ALL, deep_stem=False), size=32)


@pytest.mark.parametrize('frozen_stages', [-1, 0, 1, 4])
@pytest.mark.parametrize('norm_eval', [True, False])
def test_freezing_is_that_of_mmdet(frozen_stages, norm_eval):
    options = dict(out_indices=ALL, frozen_stages=frozen_stages, norm_eval=norm_eval)
    subnet, peer = SubnetResNet(R18, block='basic', **options), MMDetResNet(depth=18, **options)
    peer_frozen = {name for name, p in peer.named_parameters() if not p.requires_grad}
    assert {name for name, p in subnet.named_parameters() if not p.requires_grad} == peer_frozen
    for net in (subnet, peer):
        net.train()
    norms = [
        {
            name
            for name, module in net.named_modules()
            if isinstance(module, torch.nn.BatchNorm2d) and module.training
        }
        for net in (subnet, peer)
    ]
    assert norms[0] == norms[1]


def test_training_step_is_that_of_mmpretrain(scramble):
    subnet, peer = scramble(SubnetResNet(R18, block='basic')), MMPretrainResNet(depth=18)
    peer.load_state_dict(subnet.state_dict())
    x = torch.randn(4, 3, 64, 64)
    for net in (subnet, peer):
        net.train()
        net(x)[-1].square().mean().backward()
    grads = dict(peer.named_parameters())
    for name, parameter in subnet.named_parameters():
        torch.testing.assert_close(parameter.grad, grads[name].grad)
    for key, value in peer.state_dict().items():
        torch.testing.assert_close(subnet.state_dict()[key], value)


def test_supernet_of_one_arch_is_the_resnet(scramble):
    space = dict(
        name='r18',
        family=dict(type='resnet', block='basic'),
        choices=dict(
            stem_width=[64],
            width=[[64], [128], [256], [512]],
            depth=[[2], [2], [2], [2]],
        ),
    )
    net = scramble(DynamicResNet(space, out_indices=ALL))
    assert_same(net, MMPretrainResNet(depth=18, out_indices=ALL))
