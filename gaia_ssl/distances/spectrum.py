"""Teacher-free scores of a subnet's features by their spectrum.

X is the N x D matrix of the features of all images: the neck's embeddings as they are, not
normalised, or the average over positions of a stage's map (``pooled``). N bounds the rank and the
number of eigenvalues: compare subnets on equally many images only.

All is computed in double precision from singular values, of which there are min(N, D): squaring X
into a covariance would lose those below 1e-8 of the largest.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from gaia_ssl.registry import DISTANCES
from gaia_ssl.space.families import Size
from gaia_ssl.utils import UserError

from .whole_set import FeatureScore


def effective_rank(matrix: Tensor) -> Tensor:
    """Effective rank of a matrix (Roy and Vetterli, EUSIPCO 2007).

    It is the exponential of the entropy of the singular values, normalised to sum 1, as in RankMe
    (Garrido et al., ICML 2023, equation 1).

    Args:
        matrix: (N, D).

    Returns:
        A scalar from 1 to min(N, D); 1 if all numbers are zero, NaN if one is not finite.
    """
    if not matrix.isfinite().all():
        return matrix.new_tensor(torch.nan)
    values = torch.linalg.svdvals(matrix)
    shares = values / values.sum().clamp_min(torch.finfo(values.dtype).tiny)
    # min(N, D) equal values may exceed it by rounding
    return torch.special.entr(shares).sum().exp().clamp(1, min(matrix.shape))


class _Spectrum(FeatureScore):
    """Base class of the scores without a teacher."""

    task = 'global'
    reads = 'embedding'

    def target(self, feature: Tensor) -> Tensor:
        """An empty tensor, (0,): there is no teacher."""
        return feature.new_empty(0)

    def collect(self, feature: Tensor, target: Tensor) -> Tensor:
        """(N, D), or (N, C, H, W) if ``pooled`` -> (N, D)."""
        return super().target(feature)

    def prepare(self, targets: Iterable[Tensor]) -> None:
        """Nothing."""

    def target_bytes(self, channels: int, size: Size) -> int:
        """Zero: there is no teacher."""
        return 0


@DISTANCES.register_module(name='global_rank')
class EffectiveRank(_Spectrum):
    """1 - r / N, r being the effective rank of X (RankMe, Garrido et al., ICML 2023).

    X is not centred, as in RankMe: features that are equal but for rounding then have rank 1,
    while centring would leave only the rounding, which has full rank.
    """

    def compare(self, features: Tensor, prepared: None, eps: float) -> float:
        """(N, D) -> a number in [0, 1)."""
        return 1 - effective_rank(features).item() / len(features)


@DISTANCES.register_module(name='global_alpha')
class Alpha(_Spectrum):
    """``|a - 1|``, a being the decay of the covariance's eigenvalues (alpha-ReQ, NeurIPS 2022).

    Agrawal et al. find that features generalise best where the i-th largest eigenvalue falls as
    i^-a with a near 1. Here -a is the slope of the least-squares line through (log i, log l_i) for
    i from 1 to k / 2, where k = min(N - 1, D) eigenvalues of the centred X can be positive; the
    smaller half falls faster than the law because there are too few images. An eigenvalue below
    what rounding makes, eps^2 of the mean squared length of features, counts as that.
    """

    least_images = 3

    def compare(self, features: Tensor, prepared: None, eps: float) -> float:
        """(N, D) -> a number."""
        images, channels = features.shape
        positive = min(images - 1, channels)
        if positive < 2:
            raise UserError('distance: alpha needs at least 3 images and 2 channels')
        number = max(2, positive // 2)
        length = features.square().sum(1).mean().clamp_min(torch.finfo(torch.float).tiny)
        rounding = eps**2 * length
        values = torch.linalg.svdvals(features - features.mean(0))[:number].square() / images
        if values[0] <= rounding:  # equal features: the same as differing along one line
            values[0] = length
        index = torch.arange(1, number + 1, dtype=values.dtype, device=values.device).log()
        index = index - index.mean()
        slope = (index * values.clamp_min(rounding).log()).sum() / index.square().sum()
        return (slope + 1).abs().item()


@DISTANCES.register_module(name='global_pooled_rank')
class PooledRank(EffectiveRank):
    """``EffectiveRank`` of the last stage's map, averaged over its positions."""

    reads = 'map'


@DISTANCES.register_module(name='dense_pooled_rank')
class DensePooledRank(PooledRank):
    """``PooledRank`` of the stages that are searched by."""

    task = 'dense'


@DISTANCES.register_module(name='global_pooled_alpha')
class PooledAlpha(Alpha):
    """``Alpha`` of the last stage's map, averaged over its positions."""

    reads = 'map'


@DISTANCES.register_module(name='dense_pooled_alpha')
class DensePooledAlpha(PooledAlpha):
    """``PooledAlpha`` of the stages that are searched by."""

    task = 'dense'
