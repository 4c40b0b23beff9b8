import pytest
import torch
import torch.nn as nn

from gaia_ssl.models.teachers.weights import load_weights, read_pretrained
from gaia_ssl.utils import UserError


def network(depth=1, width=4):
    torch.manual_seed(depth)
    layers = nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)))
    return nn.ModuleDict(dict(layers=layers, norm=nn.BatchNorm1d(width)))


@pytest.fixture
def save(tmp_path):
    def call(weights):
        torch.save(weights, tmp_path / 'weights.pth')
        return str(tmp_path / 'weights.pth')

    return call


def pretrained(file, prefix=''):
    return read_pretrained(dict(type='Pretrained', checkpoint=file, prefix=prefix))


def prefixed(prefix, weights):
    return {f'{prefix}{key}': value for key, value in weights.items()}


@pytest.mark.parametrize(
    'wrap, prefix',
    [
        (lambda own: own, ''),
        (lambda own: dict(state_dict=prefixed('backbone.', own)), 'backbone'),
        (lambda own: dict(state_dict=prefixed('backbone.', own)), 'backbone.'),
        (lambda own: prefixed('module.', own), ''),
        (lambda own: {**own, 'fc.weight': torch.zeros(3)}, ''),
        (lambda own: {k: v for k, v in own.items() if 'tracked' not in k}, ''),
    ],
)
def test_all_weights_are_loaded(save, wrap, prefix):
    module, own = network(), network().state_dict()
    own = {key: value + 1 for key, value in own.items()}
    load_weights(module, pretrained(save(wrap(own)), prefix))
    for key, value in module.state_dict().items():
        assert 'tracked' in key or torch.equal(value, own[key])


@pytest.mark.parametrize(
    'weights, message',
    [
        (network(2).state_dict(), r'2 unexpected \(first: layers.1.bias\) of 6'),
        (network(width=5).state_dict(), r'6 misshaped \(first: layers.0.bias\)'),
        (dict(other=torch.zeros(1)), '6 missing .*give the weights of this network'),
        (prefixed('encoder.', network().state_dict()), "give prefix='encoder.'"),
        ({}, 'has no weights'),
    ],
)
def test_weights_of_another_network_are_refused(save, weights, message):
    with pytest.raises(UserError, match=message):
        load_weights(network(), pretrained(save(weights)))


def test_weights_that_are_not_finite_are_refused(save):
    weights = dict(network().state_dict())
    weights['norm.weight'] = torch.full((4,), torch.nan)
    with pytest.raises(UserError, match='not finite .first: norm.weight'):
        load_weights(network(), pretrained(save(weights)))


@pytest.mark.parametrize('init_cfg', [None, [], dict(type='Kaiming'), dict(type='Pretrained')])
def test_random_weights_are_refused(init_cfg):
    with pytest.raises(UserError, match='names no checkpoint.*random weights'):
        read_pretrained(init_cfg)
