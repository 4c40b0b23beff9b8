"""Subnets as other runtimes run them, before they are written."""

import pytest
import torch

from gaia_ssl.downstream.subnet import Normalisation
from gaia_ssl.export.deployed import DeployedSubnet
from gaia_ssl.models.backbones import SubnetResNet
from gaia_ssl.space import get_space

TINY = get_space('tiny10to22')
STAGES = ['stage1', 'stage2', 'stage3', 'stage4']


@pytest.fixture(scope='module')
def images():
    return torch.randint(256, (2, 3, 40, 52), dtype=torch.uint8)


def subnet(**options):
    torch.manual_seed(0)
    family = vars(TINY.family) | options
    net = SubnetResNet(TINY.min, **family, out_indices=(0, 1, 2, 3))
    net.init_weights()
    return net


@pytest.mark.parametrize('to_rgb', [True, False])
def test_images_are_normalised_in_the_order_of_the_pretraining(images, to_rgb):
    norm = Normalisation([120.0, 110.0, 100.0], [60.0, 50.0, 55.0], to_rgb)
    red, green, blue = images.double().unbind(1)
    channels = [red, green, blue] if to_rgb else [blue, green, red]
    pixels = [(x - m) / s for x, m, s in zip(channels, norm.mean, norm.std)]
    with torch.no_grad():
        wanted = subnet().eval()(torch.stack(pixels, 1).float())
        found = DeployedSubnet(subnet(), norm)(images)
        pooled = DeployedSubnet(subnet(), norm, pooled=True)(images)
    for ours, theirs in zip(wanted, found, strict=True):
        torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-5)
    for vector, image in zip(pooled, wanted[-1]):
        mean = torch.stack([channel.sum() / channel.numel() for channel in image])
        torch.testing.assert_close(vector, mean, rtol=1e-4, atol=1e-5)


def test_networks_of_pixels_as_they_are(images):
    with torch.no_grad():
        wanted = subnet().eval()(images.float())
        found = DeployedSubnet(subnet(), Normalisation(None, None, to_rgb=True))(images)
    assert all(map(torch.equal, found, wanted))


def test_one_channel_has_no_order():
    norm = Normalisation([120.0], [60.0], to_rgb=False)
    images = torch.randint(256, (1, 1, 40, 52), dtype=torch.uint8)
    with torch.no_grad():
        wanted = subnet(in_channels=1).eval()((images.float() - 120) / 60)
        found = DeployedSubnet(subnet(in_channels=1), norm)(images)
    assert all(map(torch.equal, found, wanted))


def test_says_what_it_takes_and_returns():
    norm = Normalisation(None, None, to_rgb=False)
    deployed = DeployedSubnet(subnet(), norm)
    assert deployed.outputs == STAGES and not deployed.training
    assert deployed.about == (
        'images: 8-bit RGB, uint8 (N, 3, H, W), normalised inside; '
        'stage1, stage2, stage3, stage4: float32 (N, C, H, W)'
    )
    pooled = DeployedSubnet(subnet(in_channels=1), norm, pooled=True)
    assert pooled.outputs == ['features']
    assert pooled.about == (
        'images: 8-bit, uint8 (N, 1, H, W), normalised inside; features: float32 (N, C)'
    )
