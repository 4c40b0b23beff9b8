"""Extraction: a subnet as an ordinary checkpoint, with configs that use it."""

from .extract import extract
from .recipe import c4_detector, classifier, multi_scale_pipeline
from .shapes import Shape, stage_shapes
from .source import Choice, choose_arch, choose_from_search, load_supernet_backbone
from .subnet import SYNC_BN, Subnet

__all__ = [
    'SYNC_BN',
    'Choice',
    'Shape',
    'Subnet',
    'c4_detector',
    'choose_arch',
    'choose_from_search',
    'classifier',
    'extract',
    'load_supernet_backbone',
    'multi_scale_pipeline',
    'stage_shapes',
]
