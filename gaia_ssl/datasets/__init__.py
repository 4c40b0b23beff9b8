from .images import UnlabeledImages
from .loading import LoadAnyImage, LoadImage
from .seeded import SeededDataset, SeededInfiniteSampler, SeededSampler

__all__ = [
    'LoadAnyImage',
    'LoadImage',
    'SeededDataset',
    'SeededInfiniteSampler',
    'SeededSampler',
    'UnlabeledImages',
]
