"""Networks to start from, with telling statistics, and the supernets that they become."""

import functools

import pytest
import torch
import torchvision
from mmengine.config import Config
from torch.nn import BatchNorm2d

from gaia_ssl.export.warm_start import network_to_supernet
from gaia_ssl.models.backbones import SUPERNETS
from gaia_ssl.models.supernet import load_supernet_backbone
from gaia_ssl.space import get_space


@pytest.fixture(scope='session')
def telling():
    """Give a network's batch norms weights and statistics that differ everywhere."""

    def scramble(net, seed=0):
        generator = torch.Generator().manual_seed(seed)
        for module in net.modules():
            if isinstance(module, BatchNorm2d):
                for value in (module.weight.data, module.running_var):
                    value.uniform_(0.5, 1.5, generator=generator)
                for value in (module.bias.data, module.running_mean):
                    value.normal_(0, 0.3, generator=generator)
        net.eval()  # some of mmdet's return nothing
        return net

    return scramble


@pytest.fixture(scope='session')
def network(telling):
    """A network of torchvision by its name, made once."""

    @functools.cache
    def make(name):
        torch.manual_seed(1)
        return telling(torchvision.models.get_model(name))

    return make


@pytest.fixture
def started(tmp_path):
    """Start a supernet of a space from a network's weights: (the backbone, the outcome)."""

    def start(weights, space, **options):
        space = get_space(space)
        backbone = dict(type=SUPERNETS[type(space.family)].__name__, space=space.to_dict())
        config = Config(dict(model=dict(backbone=backbone | options)))
        torch.save(weights, tmp_path / 'network.pth')
        outcome = network_to_supernet(
            config, str(tmp_path / 'network.pth'), str(tmp_path / 'supernet.pth')
        )
        return load_supernet_backbone(config, str(tmp_path / 'supernet.pth')), outcome

    return start


@pytest.fixture(scope='session')
def assert_equal():
    """Equal to 1e-5 of the outputs' scale."""

    def check(found, expected):
        assert found.shape == expected.shape and expected.std() > 0
        scale = expected.abs().max()
        torch.testing.assert_close(found / scale, expected / scale, rtol=0, atol=1e-5)

    return check
