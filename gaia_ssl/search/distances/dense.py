"""Dense distances: between the self-similarities of feature maps (DATA, CVPR 2022).

S and T are an image's HW x HW matrices of cosine similarity between the positions of its feature
map, of the subnet and of the teacher, so that channels need not match. i and j are positions.
"""

import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.registry import DISTANCES

from .base import Distance


def self_similarity(feature: Tensor) -> Tensor:
    """Cosine similarity of all pairs of positions: (N, C, H, W) -> (N, HW, HW)."""
    unit = F.normalize(feature.float(), dim=1).flatten(2)  # (N, C, H, W) -> (N, C, HW)
    return unit.transpose(1, 2) @ unit


class _MapDistance(Distance):
    reads = 'map'


@DISTANCES.register_module(name='dense_mse')
class DenseMSE(_MapDistance):
    """The mean over i and j of (S_ij - T_ij)^2."""

    def target(self, feature: Tensor) -> Tensor:
        """The teacher's T, (N, HW, HW)."""
        return self_similarity(feature)

    def __call__(self, feature: Tensor, target: Tensor) -> Tensor:
        """(N, C, H, W), (N, HW, HW) -> (N,)."""
        return (self_similarity(feature) - target).square().mean((1, 2))


@DISTANCES.register_module(name='dense_cosine')
class DenseCosine(_MapDistance):
    """The mean over i of 1 - cos(S_i, T_i), rows as vectors.

    For unit rows 1 - cos is half the squared difference, the form without cancellation.
    """

    def target(self, feature: Tensor) -> Tensor:
        """The teacher's rows, made unit vectors: (N, HW, HW)."""
        return F.normalize(self_similarity(feature), dim=2)

    def __call__(self, feature: Tensor, target: Tensor) -> Tensor:
        """(N, C, H, W), (N, HW, HW) -> (N,)."""
        rows = F.normalize(self_similarity(feature), dim=2)
        return (rows - target).square().sum(2).mean(1) / 2


@DISTANCES.register_module(name='dense_kl')
class DenseKL(_MapDistance):
    """The mean over i of KL(p_i || q_i), p_i and q_i being the softmax of T_i / t and S_i / t.

    Args:
        temperature: t. Defaults to 0.2.
    """

    def __init__(self, temperature: float = 0.2) -> None:
        self.temperature = temperature

    def target(self, feature: Tensor) -> Tensor:
        """The teacher's log p, (N, HW, HW)."""
        # a small difference of large terms: double precision
        return (self_similarity(feature).double() / self.temperature).log_softmax(2)

    def __call__(self, feature: Tensor, target: Tensor) -> Tensor:
        """(N, C, H, W), (N, HW, HW) -> (N,)."""
        log_q = self.target(feature)
        return (target.exp() * (target - log_q)).sum(2).mean(1)
