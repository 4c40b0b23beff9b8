"""Extraction: a subnet as an ordinary checkpoint, with configs that use it."""

from .choices import (
    Choice,
    choose_arch,
    choose_from_search,
    choose_pareto,
    choose_top,
)
from .extract import extract, extract_all
from .formats import FORMATS
from .recipe import (
    c4_detector,
    classifier,
    dilated_segmentor,
    fpn_detector,
    multi_scale_pipeline,
)
from .standard import torchvision_name
from .subnet import SYNC_BN, Subnet

__all__ = [
    'FORMATS',
    'SYNC_BN',
    'Choice',
    'Subnet',
    'c4_detector',
    'choose_arch',
    'choose_from_search',
    'choose_pareto',
    'choose_top',
    'classifier',
    'dilated_segmentor',
    'extract',
    'extract_all',
    'fpn_detector',
    'multi_scale_pipeline',
    'torchvision_name',
]
