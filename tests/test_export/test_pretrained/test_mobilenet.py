"""Names and archs of MobileNetV2."""

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.export.pretrained.mobilenet import (
    describe,
    openmmlab_names,
    timm_names,
    torchvision_names,
)
from gaia_ssl.models.backbones import SubnetMobileNet
from gaia_ssl.space import get_space
from gaia_ssl.space.families import MobileNetFamily

MBV2 = get_space('mb12to22').anchors['MBV2']


def torchvisions():
    return torchvision.models.mobilenet_v2(), torchvision_names


def openmmlabs():
    from mmpretrain.models.backbones import MobileNetV2

    return MobileNetV2(), openmmlab_names


def timms():
    import timm

    return timm.create_model('mobilenetv2_100'), timm_names


@pytest.mark.parametrize('project', [torchvisions, openmmlabs, timms])
def test_every_weight_has_our_name_and_shape(project):
    with torch.device('meta'):
        net, rename = project()
        own = SubnetMobileNet(MBV2).state_dict()
        renamed = rename(net.state_dict())
        family, arch = describe(renamed)
    assert {k: v.shape for k, v in renamed.items()} == {k: v.shape for k, v in own.items()}
    assert (family, arch) == (MobileNetFamily(), MBV2)


@settings(max_examples=20, deadline=None)
@given(
    width=st.lists(st.sampled_from([8, 16, 24]), min_size=7, max_size=7),
    depth=st.lists(st.integers(1, 3), min_size=7, max_size=7),
    kernel=st.lists(st.sampled_from([3, 5]), min_size=7, max_size=7),
    expansion=st.lists(st.sampled_from([1, 2, 6]), min_size=7, max_size=7),
    in_channels=st.integers(1, 4),
)
def test_family_and_arch_are_read_off_the_shapes(width, depth, kernel, expansion, in_channels):
    family = MobileNetFamily(in_channels=in_channels)
    arch = dict(stem_width=16, width=width, depth=depth, kernel=kernel, expansion=expansion)
    with torch.device('meta'):
        weights = SubnetMobileNet(arch, **vars(family)).state_dict()
    assert describe(weights) == (family, arch)


def test_an_expansion_that_is_not_whole():
    with torch.device('meta'):
        weights = SubnetMobileNet(MBV2).state_dict()
        for layer in (0, 1):
            weights[f'layer2.0.conv.{layer}.conv.weight'] = torch.empty(95, 1, 3, 3)
    with pytest.raises(ValueError, match='95 channels inside layer2.0.conv. of 16'):
        describe(weights)
