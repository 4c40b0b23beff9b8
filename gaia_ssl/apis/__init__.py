"""Extracted folders in Python: the module, its features, an inferencer."""

from .inferencer import FeatureInferencer, extract_features
from .subnet import load_subnet, pretraining_config

__all__ = ['FeatureInferencer', 'extract_features', 'load_subnet', 'pretraining_config']
