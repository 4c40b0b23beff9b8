"""Every method on every space at MAX, MIN and a random subnet."""

import copy

import numpy as np
import pytest
import torch

from gaia_ssl.models.backbones import SUPERNETS
from gaia_ssl.models.layers import kernel_dims, part_of
from gaia_ssl.space import SPACES, get_space

SMALL = ['tiny10to22', 'tinymb4to8']
# the first preset of each family with its options; the others differ in numbers alone
KINDS = [*{space.family: space.name for space in reversed(SPACES.values())}.values()]


def backbone_config(space):
    return dict(type=SUPERNETS[type(space.family)], space=space.name)


def used_by(subnet, name, shape):
    used = torch.zeros(shape, dtype=torch.bool)
    owner, _, leaf = name.rpartition('.')
    dims = kernel_dims(subnet.get_submodule(owner), leaf)
    part_of(used, subnet.get_parameter(name).shape, dims).fill_(True)
    return used


def check(ssl, method, name):
    space = get_space(name)
    channels = list(space.path(space.max).steps)[-1].out_channels
    model = ssl.build(method, channels=channels, backbone=backbone_config(space))
    data = model.data_preprocessor(ssl.batch(0, method, size=4, side=32), training=True)
    with torch.no_grad():
        targets = model.targets(**data)
    random = space.sample(np.random.default_rng(1))
    for arch in (space.max, space.min, random):
        model.zero_grad()
        model.backbone.set_arch(arch)
        loss = model.parse_losses(model.subnet_loss(**data, targets=targets))[0]
        assert loss.isfinite()
        loss.backward()
        subnet = model.backbone.extract(arch)
        own = {key for key, _ in subnet.named_parameters()}
        for key, parameter in model.backbone.named_parameters():
            if key not in own:
                assert parameter.grad is None, key
                continue
            used = used_by(subnet, key, parameter.shape)
            assert parameter.grad.isfinite().all(), key
            assert not parameter.grad[~used].any(), key
        reached = [k for k in own if model.backbone.get_parameter(k).grad.any()]
        # the flat part of an activation may shut a layer off on so few images
        assert len(reached) >= 0.9 * len(own)
        for part in (model.neck, model.head):
            for key, parameter in part.named_parameters():
                assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        with torch.no_grad():
            images = data['inputs'][0]
            [expected] = model.backbone.eval()(images)
            [found] = subnet.eval()(images)
            model.backbone.train()
        # statistics of random weights span many magnitudes
        scale = expected.abs().max()
        torch.testing.assert_close(found / scale, expected / scale, rtol=1e-5, atol=1e-6)
    again = ssl.build(method, seed=1, channels=channels, backbone=backbone_config(space))
    again.load_state_dict(copy.deepcopy(model.state_dict()), strict=True)
    for key, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key


@pytest.mark.parametrize('space', SMALL)
def test_small_spaces(ssl, method, space):
    check(ssl, method, space)


@pytest.mark.slow
@pytest.mark.parametrize('space', [name for name in KINDS if name not in SMALL])
def test_large_spaces(ssl, method, space):
    check(ssl, method, space)
