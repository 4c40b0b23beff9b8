"""Prediction of the teacher's features from a subnet's by ridge regression."""

from collections.abc import Iterable

import torch
from torch import Tensor

from gaia_ssl.registry import DISTANCES

from .ridge import ridge_predict
from .whole_set import FeatureScore


@DISTANCES.register_module(name='global_regression')
class Regression(FeatureScore):
    """1 - R^2 of the teacher's embeddings, predicted by ridge regression from the subnet's.

    Images at even positions are predicted from those at odd ones, and the other way round. R^2 is
    that of all channels of the teacher together: the share of their variance that is predicted.
    """

    task = 'global'
    reads = 'embedding'
    least_images = 4

    def prepare(self, targets: Iterable[Tensor]) -> Tensor:
        """The teacher's centred features, (N, E)."""
        features = super().prepare(targets)
        return features - features.mean(0)

    def compare(self, features: Tensor, prepared: Tensor, eps: float) -> float:
        """(N, D), (N, E) -> a number, 0 or more."""
        error = 0.0
        for known, asked in ((0, 1), (1, 0)):
            own, other = features[known::2], features[asked::2]
            found = ridge_predict(own, prepared[known::2], other)
            error += (found - prepared[asked::2]).square().sum().item()
        return error / max(prepared.square().sum().item(), torch.finfo(prepared.dtype).tiny)


@DISTANCES.register_module(name='global_pooled_regression')
class PooledRegression(Regression):
    """``Regression`` between the last stage's maps, averaged over their positions."""

    reads = 'map'
