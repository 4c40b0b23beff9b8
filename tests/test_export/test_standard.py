"""Archs that torchvision has under a name."""

from dataclasses import replace

import pytest
import torch
import torchvision

from gaia_ssl.export import torchvision_name
from gaia_ssl.export.standard import TORCHVISION
from gaia_ssl.models.backbones import SubnetResNet
from gaia_ssl.space import get_space
from gaia_ssl.space.families import MobileNetFamily


@pytest.mark.parametrize('name', TORCHVISION)
def test_has_the_weights_of_torchvisions_network(name):
    family, arch = TORCHVISION[name]
    with torch.device('meta'):
        ours, theirs = SubnetResNet(arch, **vars(family)), torchvision.models.get_model(name)
    wanted = {k: v.shape for k, v in theirs.state_dict().items() if not k.startswith('fc.')}
    assert {k: v.shape for k, v in ours.state_dict().items()} == wanted


@pytest.mark.parametrize('name', ['resnet18', 'resnet50'])
def test_computes_what_torchvisions_network_does(name):
    family, arch = TORCHVISION[name]
    ours, theirs = SubnetResNet(arch, **vars(family)), torchvision.models.get_model(name)
    theirs.fc = theirs.avgpool = torch.nn.Identity()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(theirs.eval()(x), ours.eval()(x)[0].flatten(1))


def test_names_the_anchors_of_the_papers_space_and_nothing_else():
    space = get_space('ar50to101')
    names = {name: torchvision_name(space.family, arch) for name, arch in space.anchors.items()}
    standard = dict(R50='resnet50', R101='resnet101')
    assert names == {name: standard.get(name) for name in space.anchors}


@pytest.mark.parametrize(
    'options', [dict(style='caffe'), dict(stem='3x3'), dict(in_channels=1), dict(expansion=2)]
)
def test_other_options_are_other_networks(options):
    family, arch = TORCHVISION['resnet50']
    assert torchvision_name(family.with_options(**options), arch) is None


@pytest.mark.parametrize(
    'name, standard',
    dict(
        ar26to50='resnet50',
        ar26to101='resnet101',
        ar10to18='resnet18',
        ar10to34='resnet34',
        ax26to50='resnext50_32x4d',
    ).items(),
)
def test_max_of_the_spaces_for_warm_starts(name, standard):
    space = get_space(name)
    assert torchvision_name(space.family, space.max) == standard


def test_other_families_are_none():
    space = get_space('tinymb4to8')
    assert isinstance(space.family, MobileNetFamily)
    assert torchvision_name(space.family, space.max) is None


@pytest.fixture(scope='module')
def r18(extracted):
    """What extraction writes of a ResNet-18."""
    space = get_space('ar18to34')
    arch = space.anchors['R18']
    choices = dict(
        stem_width=(64,),
        width=((64, 80), (128,), (256,), (512,)),
        depth=tuple((depth,) for depth in arch['depth']),
    )
    space = replace(space, choices=choices, named={}).to_dict()
    folder = extracted(arch, backbone=f"type='DynamicResNet', space={space}")
    return torch.load(folder / 'backbone.pth', weights_only=True)


def test_an_extracted_one_is_named_and_loads(r18):
    assert r18['meta']['torchvision'] == 'resnet18'
    net = torchvision.models.resnet18()
    missing, unexpected = net.load_state_dict(r18['state_dict'], strict=False)
    assert missing == ['fc.weight', 'fc.bias'] and not unexpected


def test_an_extracted_one_loads_into_timms(r18):
    timm = pytest.importorskip('timm')
    net = timm.create_model('resnet18', num_classes=0)
    net.load_state_dict(r18['state_dict'], strict=True)
