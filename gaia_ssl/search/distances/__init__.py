"""How far a subnet's features are from the teacher's, or how poor; lower is better, always."""

from .base import DEFAULTS, TASKS, Distance, build_distance, distances_of, options_of
from .dense import DenseCosine, DenseKL, DenseMSE
from .embedding import GlobalCosine, GlobalMSE, GlobalRelation
from .spectrum import Alpha, PooledAlpha, PooledRank, Rank

__all__ = [
    'DEFAULTS',
    'TASKS',
    'Alpha',
    'DenseCosine',
    'DenseKL',
    'DenseMSE',
    'Distance',
    'GlobalCosine',
    'GlobalMSE',
    'GlobalRelation',
    'PooledAlpha',
    'PooledRank',
    'Rank',
    'build_distance',
    'distances_of',
    'options_of',
]
