from .conv import DynamicConv2d, StaticConv2d, part_of
from .linear import DynamicLinear, DynamicPointwise, make_input_elastic
from .norm import DynamicBatchNorm2d, DynamicSyncBatchNorm, synchronise_norms

__all__ = [
    'DynamicBatchNorm2d',
    'DynamicConv2d',
    'DynamicLinear',
    'DynamicPointwise',
    'DynamicSyncBatchNorm',
    'StaticConv2d',
    'make_input_elastic',
    'part_of',
    'synchronise_norms',
]
