"""Datasets, transforms and samplers that OpenMMLab lacks."""

from .images import ImageSet
from .load_image import LoadAnyImage
from .seeded import SeededDataset, SeededInfiniteSampler, SeededSampler
from .training_images import TrainingImages

__all__ = [
    'ImageSet',
    'LoadAnyImage',
    'SeededDataset',
    'SeededInfiniteSampler',
    'SeededSampler',
    'TrainingImages',
]
