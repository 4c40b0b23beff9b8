"""Datasets, transforms and samplers that OpenMMLab lacks."""

from .images import ImageSet
from .load_image import LoadAnyImage, LoadImage
from .seeded import SeededDataset, SeededInfiniteSampler, SeededSampler

__all__ = [
    'ImageSet',
    'LoadAnyImage',
    'LoadImage',
    'SeededDataset',
    'SeededInfiniteSampler',
    'SeededSampler',
]
