"""The layers that supernets and subnets are built of."""

import pytest
import torch
import torch.nn as nn

from gaia_ssl.models.backbones.layer_factory import dynamic_layers, static_layers
from gaia_ssl.models.layers import (
    DynamicBatchNorm2d,
    DynamicConv2d,
    DynamicLayerNorm,
    DynamicLayerNorm2d,
    DynamicLinear,
    DynamicSyncBatchNorm,
    LayerNorm2d,
    StaticConv2d,
    StaticLinear,
)
from gaia_ssl.utils import UserError

BN, LN2D = dict(type='BN'), dict(type='LN2d', eps=1e-3)


@pytest.mark.parametrize(
    'default, norm_cfg, kind',
    [
        (BN, None, DynamicBatchNorm2d),
        (BN, dict(type='SyncBN'), DynamicSyncBatchNorm),
        (LN2D, None, DynamicLayerNorm2d),
        (LN2D, dict(requires_grad=False), DynamicLayerNorm2d),
        (dict(type='LN'), None, DynamicLayerNorm),
    ],
)
def test_dynamic_layers(default, norm_cfg, kind):
    layers = dynamic_layers(norm_cfg, default)
    assert (layers.conv, layers.linear) == (DynamicConv2d, DynamicLinear)
    norm = layers.norm(6)
    assert type(norm) is kind and norm.eps == default.get('eps', 1e-5)
    assert norm.weight.requires_grad == (norm_cfg or {}).get('requires_grad', True)
    # a subnet takes over the weights, and computes the same
    static = static_layers(default).norm(6)
    static.load_state_dict(norm.state_dict(), strict=True)
    x = torch.randn(2, 6, 6, 6)
    torch.testing.assert_close(static.eval()(x), norm.eval()(x))


@pytest.mark.parametrize(
    'norm_cfg, kind',
    [(BN, nn.BatchNorm2d), (dict(type='GN', num_groups=3), nn.GroupNorm), (LN2D, LayerNorm2d)],
)
def test_static_layers(norm_cfg, kind):
    layers = static_layers(norm_cfg)
    assert (layers.conv, layers.linear) == (StaticConv2d, StaticLinear)
    assert isinstance(layers.norm(6), kind)


@pytest.mark.parametrize(
    'default, norm_cfg, message',
    [
        (BN, dict(type='GN'), r"norm_cfg.type: 'GN' is not one of \['BN', 'SyncBN'\]"),
        (LN2D, BN, r"norm_cfg.type: 'BN' is not one of \['LN2d'\]"),
        (BN, dict(type='BN', eps=1.0), 'norm_cfg.eps: .* type, momentum and requires_grad only'),
        (LN2D, dict(LN2D, eps=1.0), 'norm_cfg.eps: a supernet takes type and requires_grad only'),
    ],
)
def test_norms_that_subnets_cannot_take_over_are_refused(default, norm_cfg, message):
    with pytest.raises(UserError, match=message):
        dynamic_layers(norm_cfg, default)
