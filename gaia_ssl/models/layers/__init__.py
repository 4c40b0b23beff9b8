"""Elastic layers, which use a leading part of their weights."""

from .conv import DynamicConv2d, StaticConv2d
from .linear import (
    DynamicLinear,
    InputElasticLinear,
    InputElasticPointwise,
    StaticLinear,
    make_input_elastic,
)
from .norm import (
    DynamicBatchNorm2d,
    DynamicLayerNorm,
    DynamicLayerNorm2d,
    DynamicSyncBatchNorm,
    LayerNorm2d,
    batch_norms,
    synchronise_norms,
)
from .recast import recast
from .slicing import kernel_dims, part_of

__all__ = [
    'DynamicBatchNorm2d',
    'DynamicConv2d',
    'DynamicLayerNorm',
    'DynamicLayerNorm2d',
    'DynamicLinear',
    'DynamicSyncBatchNorm',
    'InputElasticLinear',
    'InputElasticPointwise',
    'LayerNorm2d',
    'StaticConv2d',
    'StaticLinear',
    'batch_norms',
    'kernel_dims',
    'make_input_elastic',
    'part_of',
    'recast',
    'synchronise_norms',
]
