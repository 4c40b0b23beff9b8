"""Factories of the layers in blocks: elastic ones for a supernet, static ones for a subnet."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch.nn as nn
from mmcv.cnn import build_norm_layer

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
from gaia_ssl.space.families import BATCH_NORMS
from gaia_ssl.utils.errors import UserError

NormCfg = dict[str, Any]

DYNAMIC_NORMS: dict[str, type[nn.Module]] = dict(
    BN=DynamicBatchNorm2d,
    SyncBN=DynamicSyncBatchNorm,
    LN=DynamicLayerNorm,
    LN2d=DynamicLayerNorm2d,
)
# by their class, since only mmpretrain registers an LN2d
STATIC_NORMS: dict[str, type[nn.Module]] = dict(LN=nn.LayerNorm, LN2d=LayerNorm2d)


class LayerFactory(NamedTuple):
    """Builds the layers of a backbone.

    Attributes:
        conv: Class of the convolutions, called as ``conv(x, out_channels, kernel)``.
        linear: Class of the linear layers, called as ``linear(x, out_features)``.
        norm: Builds a norm, given its number of channels.
    """

    conv: type[DynamicConv2d] | type[StaticConv2d]
    linear: type[DynamicLinear] | type[StaticLinear]
    norm: Callable[[int], nn.Module]


def static_layers(norm_cfg: NormCfg) -> LayerFactory:
    """Plain layers, with any norm of mmcv, or ``LN2d`` over the channels of maps."""
    kind = norm_cfg['type']
    return LayerFactory(StaticConv2d, StaticLinear, _norm(norm_cfg, STATIC_NORMS.get(kind) or kind))


def dynamic_layers(norm_cfg: NormCfg | None, default: NormCfg) -> LayerFactory:
    """Elastic layers.

    Args:
        norm_cfg: The norm; None for the default one.
        default: The norm of the family, which the subnets have.

    Raises:
        UserError: If subnets cannot take over the norm's weights, or it has an option that they
            lack.
    """
    norm_cfg = {'type': default['type'], **(norm_cfg or {})}
    is_batch_norm = default['type'] in BATCH_NORMS
    known = list(BATCH_NORMS) if is_batch_norm else [default['type']]
    if norm_cfg['type'] not in known:
        raise UserError(f'norm_cfg.type: {norm_cfg["type"]!r} is not one of {known}')
    options = ['type', *(['momentum'] if is_batch_norm else []), 'requires_grad']
    if unknown := sorted(norm_cfg.keys() - set(options)):
        # subnets, and the configs that use them, have the default's
        *first, last = options
        raise UserError(
            f'norm_cfg.{unknown[0]}: a supernet takes {", ".join(first)} and {last} only'
        )
    norm = _norm({**default, **norm_cfg}, DYNAMIC_NORMS[norm_cfg['type']])
    return LayerFactory(DynamicConv2d, DynamicLinear, norm)


def _norm(norm_cfg: NormCfg, kind: str | type[nn.Module]) -> Callable[[int], nn.Module]:
    return lambda channels: build_norm_layer({**norm_cfg, 'type': kind}, channels)[1]
