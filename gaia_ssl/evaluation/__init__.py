"""Evaluation of frozen features: kNN, linear SVMs and baselines."""

from .features import PooledFeatures
from .folder import FolderProbes, Top1
from .subnets import evaluate_subnets, random_backbone
from .svm import LinearSVMs

__all__ = [
    'FolderProbes',
    'Top1',
    'LinearSVMs',
    'PooledFeatures',
    'evaluate_subnets',
    'random_backbone',
]
