"""Helpers of configs of downstream models whose backbone is an extracted subnet."""

from .folders import ClassFolders
from .recipes import (
    c4_detector,
    classifier,
    dilated_segmentor,
    fpn_detector,
    multi_scale_pipeline,
)
from .subnet import SYNC_BN, Subnet

__all__ = [
    'SYNC_BN',
    'ClassFolders',
    'Subnet',
    'c4_detector',
    'classifier',
    'dilated_segmentor',
    'fpn_detector',
    'multi_scale_pipeline',
]
