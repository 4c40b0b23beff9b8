"""Families of backbones, by the name a space gives: step specs, paths and analytic cost."""

from .base import Arch, Cost, Family, Path, Size, Step
from .resnet import Block, ResNetFamily, Stem

FAMILIES: dict[str, type[Family]] = {'resnet': ResNetFamily}

__all__ = [
    'FAMILIES',
    'Arch',
    'Block',
    'Cost',
    'Family',
    'Path',
    'ResNetFamily',
    'Size',
    'Stem',
    'Step',
]
