"""Families of backbones, by the name a space gives: step specs, paths and analytic cost."""

from .base import (
    BATCH_NORMS,
    Arch,
    Cost,
    Family,
    Field,
    GridCosts,
    Path,
    Segment,
    SegmentTrace,
    Shape,
    Size,
    Step,
    TracedStep,
)
from .conv import ConvFamily, Stem
from .costs import conv, conv_norm, nbytes, norm
from .mobilenet import InvertedBlock, MobileNetFamily
from .resnet import Block, ResNetFamily

FAMILIES: dict[str, type[Family]] = {'mobilenet': MobileNetFamily, 'resnet': ResNetFamily}
"""Families by the names that spaces give them."""

__all__ = [
    'BATCH_NORMS',
    'FAMILIES',
    'Arch',
    'Block',
    'ConvFamily',
    'Cost',
    'Family',
    'Field',
    'GridCosts',
    'InvertedBlock',
    'MobileNetFamily',
    'Path',
    'ResNetFamily',
    'Segment',
    'SegmentTrace',
    'Shape',
    'Size',
    'Stem',
    'Step',
    'TracedStep',
    'conv',
    'conv_norm',
    'nbytes',
    'norm',
]
