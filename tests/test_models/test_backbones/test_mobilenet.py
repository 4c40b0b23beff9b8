"""MobileNets against those of torchvision and mmseg, and their dilated twins."""

import pytest
import torch
import torchvision
from mmseg.models import MobileNetV2 as MMSegMobileNetV2

from gaia_ssl.models.backbones import DynamicMobileNet, SubnetMobileNet
from gaia_ssl.space import count_cost, get_space
from gaia_ssl.utils import UserError

MB, TINY = get_space('mb12to22'), get_space('tinymb4to8')
MBV2 = MB.anchors['MBV2']
ALL = tuple(range(7))


@pytest.fixture(scope='module')
def mbv2(supernets):
    return supernets('mb12to22').extract('MBV2')


def torchvision_key(key):
    """A weight's name in torchvision's MobileNetV2."""
    place, kind, weight = key.rsplit('.', 2)
    if place == 'conv1':
        return f'features.0.{dict(conv=0, bn=1)[kind]}.{weight}'
    layer, block, _, index = place.split('.')
    stage = int(layer.removeprefix('layer')) - 1
    number = 1 + sum(MBV2['depth'][:stage]) + int(block)
    projection = int(index) == (1 if MBV2['expansion'][stage] == 1 else 2)
    if projection:  # torchvision lays its convolution and norm side by side
        return f'features.{number}.conv.{int(index) + dict(conv=0, bn=1)[kind]}.{weight}'
    return f'features.{number}.conv.{index}.{dict(conv=0, bn=1)[kind]}.{weight}'


def test_mbv2_is_torchvisions_up_to_its_last_stage(mbv2):
    peer = torchvision.models.mobilenet_v2().eval()
    state = {torchvision_key(key): value for key, value in mbv2.state_dict().items()}
    rest = {
        key: value
        for key, value in peer.state_dict().items()
        if key.startswith(('features.18.', 'classifier.'))
    }
    peer.load_state_dict({**state, **rest}, strict=True)
    ends = [sum(MBV2['depth'][: stage + 1]) for stage in ALL]
    x = torch.randn(2, 3, 96, 80)
    with torch.no_grad():
        outs = []
        x_peer = x
        for index, layer in enumerate(peer.features[:18]):
            x_peer = layer(x_peer)
            if index in ends:
                outs.append(x_peer)
        for ours, theirs in zip(mbv2(x), outs, strict=True):
            torch.testing.assert_close(
                ours, theirs, rtol=1e-6, atol=1e-6 * float(theirs.abs().max())
            )


def test_mbv2_is_that_of_mmseg(mbv2):
    peer = MMSegMobileNetV2(out_indices=ALL)
    peer.eval()  # returns nothing
    peer.load_state_dict(mbv2.state_dict(), strict=True)
    x = torch.randn(2, 3, 64, 73)
    with torch.no_grad():
        for ours, theirs in zip(mbv2(x), peer(x), strict=True):
            torch.testing.assert_close(
                ours, theirs, rtol=1e-6, atol=1e-6 * float(theirs.abs().max())
            )


def test_mbv2_costs_what_the_field_counts():
    cost = count_cost(MB, MBV2, 224)
    # the field's 300.8 M and 3.50 M count the 1280-channel convolution and the classifier as well
    last = 320 * 1280
    assert round((cost.flops + last * 7 * 7 + 1280 * 1000) / 1e6, 1) == 300.8
    assert cost.params + last + 2 * 1280 + 1280 * 1000 + 1000 == 3504872


@pytest.mark.parametrize('stage_strides', [(1, 2, 2, 2), (1, 2, 1, 2)])
@pytest.mark.parametrize('output_stride', [2, 4, 8])
def test_dilated_twin_sees_what_the_strided_one_sees(scramble, stage_strides, output_stride):
    """Its map is finer, and equal where the strided one has a cell."""
    family = TINY.with_options(strides=stage_strides).family
    arch = dict(TINY.max, depth=[1, 2, 2, 2])
    strided = scramble(SubnetMobileNet(arch, **vars(family))).eval()
    options = {**vars(family), **family.dilated(output_stride)}
    dilated = SubnetMobileNet(arch, **options).eval()
    dilated.load_state_dict(strided.state_dict(), strict=True)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        [coarse], [fine] = strided(x), dilated(x)
    assert 64 // fine.size(2) == min(output_stride, 64 // coarse.size(2))
    step = fine.size(2) // coarse.size(2)
    torch.testing.assert_close(fine[..., ::step, ::step], coarse, rtol=1e-5, atol=1e-5)


def test_kernels_are_the_centre_of_the_largest(supernets):
    net = supernets('tinymb4to8')
    arch = dict(TINY.max, kernel=[3, 3, 3, 3])
    ours, part = net.state_dict(), net.extract(arch).state_dict()
    key = 'layer3.0.conv.1.conv.weight'
    assert torch.equal(part[key], ours[key][:, :, 1:4, 1:4])


@pytest.mark.parametrize('name', ['MAX', 'MIN'])
def test_small_images_and_other_channels(scramble, name):
    net = scramble(DynamicMobileNet('tinymb4to8', stem_stride=1, in_channels=1)).eval()
    net.set_arch(name)
    x = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        [ours], [theirs] = net(x), net.extract(name)(x)
    assert ours.shape[2:] == (4, 4)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(kernel=[3, 3, 4, 3]), 'arch.kernel: 4 is even'),
        (dict(kernel=[3, 3, 7, 3]), 'arch.kernel: 7 is out of bounds'),
        (dict(expansion=[1, 2, 4, 9]), 'arch.expansion: 9 is out of bounds'),
        (dict(kernel=3), 'arch.kernel: 3 is not a list of 4'),
    ],
)
def test_unfit_archs(supernets, change, message):
    with pytest.raises(UserError, match=message):
        supernets('tinymb4to8').set_arch({**TINY.min, **change})


def test_unfit_archs_of_a_subnet():
    with pytest.raises(UserError, match=r'arch.width: .* is not a list of 7 numbers'):
        SubnetMobileNet(TINY.min)
    with pytest.raises(UserError, match='arch.kernel: missing; MobileNetFamily needs it'):
        SubnetMobileNet(dict(stem_width=8, width=[8] * 7, depth=[1] * 7, expansion=[1] * 7))
