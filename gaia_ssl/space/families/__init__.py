"""Families of backbones, by the name a space gives: step specs, paths and analytic cost."""

from .base import Arch, Cost, Family, Path, SegmentTrace, Shape, Size, Step, TracedStep
from .conv import ConvFamily, Stem, conv_norm, nbytes
from .mobilenet import InvertedBlock, MobileNetFamily
from .resnet import Block, ResNetFamily

FAMILIES: dict[str, type[Family]] = {'mobilenet': MobileNetFamily, 'resnet': ResNetFamily}

__all__ = [
    'FAMILIES',
    'Arch',
    'Block',
    'ConvFamily',
    'Cost',
    'Family',
    'InvertedBlock',
    'MobileNetFamily',
    'Path',
    'ResNetFamily',
    'SegmentTrace',
    'Shape',
    'Size',
    'Stem',
    'Step',
    'TracedStep',
    'conv_norm',
    'nbytes',
]
