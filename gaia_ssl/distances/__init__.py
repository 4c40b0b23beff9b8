"""Distances to the teacher and scores of whole sets of images; lower is always better."""

from .base import (
    DEFAULTS,
    TASKS,
    Distance,
    Option,
    Score,
    build_distance,
    distance_options,
    distances_of,
    distances_with,
    registered_name,
    short_name,
)
from .cka import CKA, DenseCKA, PooledCKA
from .dense import DenseCosine, DenseKL, DenseMSE
from .embedding import GlobalCosine, GlobalMSE, GlobalRelation
from .knn import weighted_knn
from .labels import ClassScore, LabelKNN, LabelMapRidge, LabelRidge, LabelScore
from .neighbours import DensePooledNeighbours, Neighbours, PooledNeighbours
from .regression import PooledRegression, Regression
from .relation import RelationQK, RelationQQ
from .ridge import ridge_scores
from .spectrum import (
    Alpha,
    DensePooledAlpha,
    DensePooledRank,
    EffectiveRank,
    PooledAlpha,
    PooledRank,
    effective_rank,
)
from .structure import Dimension, Separation
from .whole_set import FeatureScore, PositionScore, WholeSetScore

__all__ = [
    'CKA',
    'ClassScore',
    'DEFAULTS',
    'TASKS',
    'Alpha',
    'DenseCKA',
    'DenseCosine',
    'DenseKL',
    'DenseMSE',
    'DensePooledAlpha',
    'DensePooledNeighbours',
    'DensePooledRank',
    'Dimension',
    'Distance',
    'EffectiveRank',
    'FeatureScore',
    'GlobalCosine',
    'GlobalMSE',
    'GlobalRelation',
    'LabelKNN',
    'LabelMapRidge',
    'LabelRidge',
    'LabelScore',
    'Neighbours',
    'Option',
    'PositionScore',
    'PooledAlpha',
    'PooledCKA',
    'PooledNeighbours',
    'PooledRank',
    'PooledRegression',
    'Regression',
    'RelationQK',
    'RelationQQ',
    'Score',
    'Separation',
    'WholeSetScore',
    'build_distance',
    'distance_options',
    'distances_of',
    'distances_with',
    'effective_rank',
    'registered_name',
    'ridge_scores',
    'short_name',
    'weighted_knn',
]
