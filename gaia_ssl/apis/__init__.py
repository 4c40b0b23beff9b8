"""Extracted subnets in Python: loading, features of images, and an MMEngine inferencer."""

from .extracted import load_subnet, pretraining_config
from .inferencer import FeatureInferencer, extract_features

__all__ = ['FeatureInferencer', 'extract_features', 'load_subnet', 'pretraining_config']
