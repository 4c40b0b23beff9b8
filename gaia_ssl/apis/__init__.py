"""Extracted folders in Python: the module, its features, an inferencer."""

from .extracted import load_subnet, pretraining_config
from .inferencer import FeatureInferencer, extract_features

__all__ = ['FeatureInferencer', 'extract_features', 'load_subnet', 'pretraining_config']
