"""Extraction: a subnet as an ordinary checkpoint, with configs that use it."""

from .extract import extract
from .shapes import Shape, stage_shapes
from .source import Choice, choose_arch, choose_from_search, load_supernet_backbone
from .subnet import Subnet

__all__ = [
    'Choice',
    'Shape',
    'Subnet',
    'choose_arch',
    'choose_from_search',
    'extract',
    'load_supernet_backbone',
    'stage_shapes',
]
