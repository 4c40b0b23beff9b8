from .conv import DynamicConv2d, StaticConv2d
from .linear import DynamicLinear, DynamicPointwise, make_input_elastic
from .norm import DynamicBatchNorm2d, DynamicSyncBatchNorm, synchronise_norms
from .slicing import part_of

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
