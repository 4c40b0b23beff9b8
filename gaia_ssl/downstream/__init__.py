"""Sizes and settings of downstream models that have an extracted subnet for their backbone."""

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
    'Subnet',
    'c4_detector',
    'classifier',
    'dilated_segmentor',
    'fpn_detector',
    'multi_scale_pipeline',
]
