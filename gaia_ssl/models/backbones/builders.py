"""The layers that blocks are made of: dynamic ones for a supernet, static ones for a subnet."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch.nn as nn
from mmcv.cnn import build_norm_layer

from gaia_ssl.models.layers import (
    DynamicBatchNorm2d,
    DynamicConv2d,
    DynamicSyncBatchNorm,
    StaticConv2d,
)
from gaia_ssl.utils.errors import UserError

DYNAMIC_NORMS = dict(BN=DynamicBatchNorm2d, SyncBN=DynamicSyncBatchNorm)
NormCfg = dict[str, Any]


class Layers(NamedTuple):
    """What builds the layers of a backbone.

    Attributes:
        conv: Class of the convolutions, called as ``conv(x, out_channels, kernel)``.
        norm: Builds a norm of so many channels.
    """

    conv: type[DynamicConv2d] | type[StaticConv2d]
    norm: Callable[[int], nn.Module]


def static_layers(norm_cfg: NormCfg | None = None) -> Layers:
    """Plain layers, with any norm of mmcv. Defaults to BN."""
    norm_cfg = norm_cfg or dict(type='BN')
    return Layers(StaticConv2d, lambda channels: build_norm_layer(norm_cfg, channels)[1])


def dynamic_layers(norm_cfg: NormCfg | None = None) -> Layers:
    """Elastic layers, with ``dict(type='BN')`` (default) or ``dict(type='SyncBN')``.

    Raises:
        UserError: If the norm, or an option of it, has no elastic form.
    """
    norm_cfg = dict(norm_cfg or dict(type='BN'))
    if norm_cfg['type'] not in DYNAMIC_NORMS:
        raise UserError(f'norm_cfg.type: {norm_cfg["type"]!r} is not one of {list(DYNAMIC_NORMS)}')
    if unknown := sorted(norm_cfg.keys() - {'type', 'momentum', 'requires_grad'}):
        # subnets, and the configs that use them, have mmcv's own eps
        raise UserError(
            f'norm_cfg.{unknown[0]}: a supernet takes type, momentum and requires_grad only'
        )
    norm_cfg['type'] = DYNAMIC_NORMS[norm_cfg['type']]
    return Layers(DynamicConv2d, lambda channels: build_norm_layer(norm_cfg, channels)[1])
