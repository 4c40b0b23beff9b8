"""Distances to the teacher and teacher-free scores; lower is always better."""

from .base import (
    DEFAULTS,
    TASKS,
    Distance,
    Option,
    build_distance,
    distance_options,
    distances_of,
    distances_with,
    registered_name,
    short_name,
)
from .dense import DenseCosine, DenseKL, DenseMSE
from .embedding import GlobalCosine, GlobalMSE, GlobalRelation
from .spectrum import (
    Alpha,
    DensePooledAlpha,
    DensePooledRank,
    EffectiveRank,
    PooledAlpha,
    PooledRank,
    effective_rank,
)

__all__ = [
    'DEFAULTS',
    'TASKS',
    'Alpha',
    'DenseCosine',
    'DenseKL',
    'DenseMSE',
    'DensePooledAlpha',
    'DensePooledRank',
    'Distance',
    'EffectiveRank',
    'GlobalCosine',
    'GlobalMSE',
    'GlobalRelation',
    'Option',
    'PooledAlpha',
    'PooledRank',
    'build_distance',
    'distance_options',
    'distances_of',
    'distances_with',
    'effective_rank',
    'registered_name',
    'short_name',
]
