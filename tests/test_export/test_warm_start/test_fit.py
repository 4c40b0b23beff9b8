"""Which networks fit into which spaces."""

import pytest
import torch
import torchvision

from gaia_ssl.export.pretrained import Network
from gaia_ssl.export.standard import TORCHVISION
from gaia_ssl.export.warm_start.fit import check_fit, misfits, presets_for
from gaia_ssl.space import SPACES, get_space
from gaia_ssl.space.families import MobileNetFamily, ResNetFamily
from gaia_ssl.utils import UserError

R18 = ['ar10to18', 'ar18to34', 'ar10to34']
R50 = ['ar26to50', 'ar50to101', 'ar26to101']
FITTING = {
    'resnet18': R18,
    'resnet34': ['ar10to34', 'ar18to34'],
    'resnet50': R50,
    'resnet101': ['ar26to101', 'ar50to101'],
    'resnet152': [],
    'wide_resnet50_2': [],
    'resnext50_32x4d': ['ax26to50', 'ax50to101'],
    'resnext101_32x8d': [],
}


def network(name):
    return Network(*TORCHVISION[name], {})


@pytest.mark.parametrize('name', FITTING)
def test_presets_that_hold_a_standard_network(name):
    assert presets_for(network(name)) == FITTING[name]


def test_presets_that_hold_mobilenet():
    arch = SPACES['mb12to22'].anchors['MBV2']
    assert presets_for(Network(MobileNetFamily(), arch, {})) == ['mb7to17', 'mb12to22']


@pytest.mark.parametrize(
    'name, space, message',
    [
        (
            'resnet50',
            'ar10to18',
            "x.pth does not fit into the largest subnet of 'ar10to18': its blocks are bottleneck, "
            r'basic there .*; take ar26to50 or ar50to101 or ar26to101',
        ),
        ('resnet101', 'ar26to50', 'depth of layer3 is 23, at most 6 there; take ar26to101 or ar50'),
        (
            'resnet34',
            'ar10to18',
            r'depth of layer1 is 3, at most 2 there \(and 3 more\); take ar10',
        ),
        ('resnet50', 'mb7to17', 'it is a ResNet, MobileNets there; take ar26to50'),
        ('resnet50', 'tinymb4to8', 'it is a ResNet, MobileNets there; take ar26to50'),
        ('resnet18', 'tiny10to22', 'conv1 is 7x7, 3x3 there .*take ar10to18'),
        ('resnext50_32x4d', 'ar50to101', 'its blocks widen by 2, by 4 there .*take ax26to50'),
        ('resnext101_32x8d', 'ax50to101', 'widen by 1, by 2 there .*; define a space that holds'),
        ('wide_resnet50_2', 'ax50to101', 'conv2 in layer1 has no groups, groups of 4 channels'),
    ],
)
def test_messages_name_the_layers_and_the_presets(name, space, message):
    with pytest.raises(UserError, match=message) as error:
        check_fit(network(name), get_space(space), 'x.pth')
    assert len(str(error.value).splitlines()) == 1


def test_other_numbers_of_stages_and_channels():
    family, arch = TORCHVISION['resnet18']
    [first, *_] = misfits(Network(family.with_options(in_channels=1), arch, {}), SPACES['ar10to18'])
    assert first == 'conv1 reads 1 channels, 3 there'
    small = ResNetFamily(block='basic', strides=(1, 2), dilations=(1, 1))
    short = Network(small, dict(stem_width=8, width=[8, 8], depth=[1, 1]), {})
    assert list(misfits(short, SPACES['ar10to18'])) == ['it has 2 stages, 4 there']


def test_a_stem_that_is_not_tied():
    family, arch = TORCHVISION['resnet18']
    narrow = Network(family, dict(arch, stem_width=32), {})
    found = list(misfits(narrow, SPACES['ar10to18']))
    assert found == [
        'its stem is 32 wide, as wide as layer1 there',
        'layer1.0 has a projection, none there',
    ]


def test_expansions():
    arch = dict(SPACES['mb12to22'].anchors['MBV2'], expansion=[1, 1, 6, 6, 6, 6, 6])
    assert list(misfits(Network(MobileNetFamily(), arch, {}), SPACES['mb7to17'])) == [
        'expansion of layer2 is 1, 6 there'
    ]


@pytest.mark.parametrize('name', [name for name in FITTING if FITTING[name]])
def test_what_fits_has_no_larger_weight(name):
    """Against the shapes of the modules."""
    from gaia_ssl.models.backbones import DynamicResNet

    for space in FITTING[name]:
        with torch.device('meta'):
            theirs = torchvision.models.get_model(name).state_dict()
            ours = DynamicResNet(space).state_dict()
        for key, weight in theirs.items():
            if not key.startswith('fc.'):
                assert all(a <= b for a, b in zip(weight.shape, ours[key].shape, strict=True))
