"""Evaluation of frozen features: kNN, linear SVMs and baselines."""

from .features import PooledFeatures
from .folder import FolderKNN
from .knn import weighted_knn
from .svm import LinearSVMs

__all__ = ['FolderKNN', 'LinearSVMs', 'PooledFeatures', 'weighted_knn']
