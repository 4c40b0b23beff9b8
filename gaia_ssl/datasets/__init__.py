"""Datasets, transforms and samplers that OpenMMLab lacks."""

from .images import ImageSet
from .loading import LoadAnyImage, LoadImage
from .seeded import SeededDataset, SeededInfiniteSampler, SeededSampler

__all__ = [
    'ImageSet',
    'LoadAnyImage',
    'LoadImage',
    'SeededDataset',
    'SeededInfiniteSampler',
    'SeededSampler',
]
