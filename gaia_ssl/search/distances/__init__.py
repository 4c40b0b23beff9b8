"""How far a subnet's features are from the teacher's; lower is better, always."""

from .base import DEFAULTS, TASKS, Distance, build_distance, distances_of
from .dense import DenseCosine, DenseKL, DenseMSE
from .embedding import GlobalCosine, GlobalMSE, GlobalRelation

__all__ = [
    'DEFAULTS',
    'TASKS',
    'DenseCosine',
    'DenseKL',
    'DenseMSE',
    'Distance',
    'GlobalCosine',
    'GlobalMSE',
    'GlobalRelation',
    'build_distance',
    'distances_of',
]
