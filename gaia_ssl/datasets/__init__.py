from .loading import LoadImage
from .seeded import SeededDataset, SeededInfiniteSampler, SeededSampler

__all__ = ['LoadImage', 'SeededDataset', 'SeededInfiniteSampler', 'SeededSampler']
