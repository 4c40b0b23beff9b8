"""Evaluation of frozen features: kNN, linear SVMs and baselines."""

from .features import PooledFeatures
from .folder import FolderKNN
from .subnets import evaluate_subnets, random_backbone
from .svm import LinearSVMs

__all__ = [
    'FolderKNN',
    'LinearSVMs',
    'PooledFeatures',
    'evaluate_subnets',
    'random_backbone',
]
