"""Python API of extracted subnets: load one, compute features of images, an inferencer."""

from .extracted import load_subnet, pretraining_config
from .inferencer import FeatureInferencer, extract_features

__all__ = ['FeatureInferencer', 'extract_features', 'load_subnet', 'pretraining_config']
