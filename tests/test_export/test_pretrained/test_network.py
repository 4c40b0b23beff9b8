"""Reading pretrained networks of other projects."""

import pytest
import torch
import torchvision
from torch.nn import BatchNorm2d

from gaia_ssl.export.pretrained import read_network
from gaia_ssl.models.backbones import SUPERNETS
from gaia_ssl.utils import UserError


@pytest.fixture(scope='module')
def resnet18():
    torch.manual_seed(0)
    net = torchvision.models.resnet18().eval()
    for module in net.modules():
        if isinstance(module, BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 1.5)
    return net


def subnet_of(network):
    """The network as our subnet."""
    net = SUPERNETS[type(network.family)].subnet_type(network.arch, **vars(network.family)).eval()
    net.load_state_dict(network.weights, strict=True)
    return net


def outputs(net, x):
    """What torchvision's ResNet gives its pool."""
    return torch.nn.Sequential(*list(net.children())[:-2])(x)


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'module.', 'module.encoder_q.'])
def test_computes_the_same(saved, resnet18, prefix):
    weights = {prefix + key: value for key, value in resnet18.state_dict().items()}
    net, x = subnet_of(read_network(saved(dict(state_dict=weights)))), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(net(x)[0], outputs(resnet18, x))


def test_timms_computes_the_same(saved):
    import timm

    theirs = timm.create_model('mobilenetv2_100', num_classes=0, global_pool='').eval()
    theirs.conv_head = theirs.bn2 = torch.nn.Identity()
    net, x = subnet_of(read_network(saved(theirs.state_dict()))), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(net(x)[0], theirs(x))


def test_biases_of_convolutions(saved, resnet18):
    weights = dict(resnet18.state_dict())
    bias = torch.randn(64)
    x = torch.randn(1, 3, 64, 64)
    net = subnet_of(read_network(saved(weights | {'conv1.bias': bias})))
    with torch.no_grad():
        stem = resnet18.bn1(resnet18.conv1(x) + bias[:, None, None]).relu()
        expected = torch.nn.Sequential(*list(resnet18.children())[3:-2])(stem)
        torch.testing.assert_close(net(x)[0], expected, rtol=1e-5, atol=1e-4)


def test_counters_may_be_missing(saved, resnet18):
    weights = {k: v for k, v in resnet18.state_dict().items() if 'num_batches' not in k}
    assert len(read_network(saved(weights)).weights) == 120


def test_what_is_not_such_a_network(saved, resnet18):
    whole = dict(resnet18.state_dict())
    cases = [
        ({'fc.weight': torch.ones(1)}, 'holds no ResNet, ResNeXt or MobileNetV2: none of layer1'),
        (whole | {'layer1.0.se.weight': torch.ones(1)}, '1 unexpected .first: layer1.0.se.weight'),
        (
            {k: v for k, v in whole.items() if k != 'layer2.1.bn2.weight'},
            '1 missing .first: layer2.1',
        ),
        (whole | {'layer2.1.bn2.weight': torch.ones(3)}, '1 misshaped .first: layer2.1.bn2.weight'),
        ({k: v for k, v in whole.items() if k != 'conv1.weight'}, "'conv1.weight' is missing"),
        (whole | {'bn1.weight': torch.full((64,), torch.nan)}, 'not finite .first: bn1.weight'),
    ]
    for weights, message in cases:
        with pytest.raises(UserError, match=f'checkpoint: .*weights.pth .*{message}'):
            read_network(saved(weights))
