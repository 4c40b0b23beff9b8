"""Label-free scores of one subnet's features by their spectrum; no teacher is needed.

X is the N x D matrix of the features of a batch-norm group's images: the neck's embeddings as they
are, not normalised, or the average over positions of a stage's map (``pooled``). A score belongs
to the group, each of whose images gets it, so it depends on the size of groups (``bn_group``):
neither rank nor exponent can be told from fewer images than it would take. Compare subnets under
the same one only.

All is computed in double precision from singular values, of which there are min(N, D): squaring X
into a covariance would lose those below 1e-8 of the largest.
"""

from abc import abstractmethod

import torch
from torch import Tensor

from gaia_ssl.registry import DISTANCES
from gaia_ssl.utils import UserError

from .base import Distance


class _Spectrum(Distance):
    reads = 'embedding'

    def target(self, feature: Tensor) -> Tensor:
        """Nothing, (0,)."""
        return feature.new_empty(0)

    def __call__(self, feature: Tensor, target: Tensor) -> Tensor:
        """(N, D), or (N, C, H, W) where ``pooled``, and nothing -> (N,), all alike."""
        matrix = feature.double()
        if self.reads == 'map':
            matrix = matrix.mean((2, 3))  # (N, C, H, W) -> (N, C)
        if not matrix.isfinite().all():  # there are no singular values: whoever asks is to know
            return matrix.new_full((len(feature),), torch.nan)
        return self.score(matrix, torch.finfo(feature.dtype).eps).expand(len(feature))

    @abstractmethod
    def score(self, matrix: Tensor, eps: float) -> Tensor:
        """The score of a group, a scalar.

        Args:
            matrix: X, (N, D), in double precision.
            eps: Relative rounding error of what it was made from.
        """


@DISTANCES.register_module(name='global_rank')
class Rank(_Spectrum):
    """1 - r / N, r being the effective rank of X (RankMe, Garrido et al., ICML 2023, equation 1).

    r = exp(-sum_k p_k log p_k) with p_k = s_k / sum_j s_j of the singular values s, between 1 and
    min(N, D). X is not centred, as in RankMe: features that are equal but for rounding then have
    rank 1, while of centred ones only the rounding, of full rank, would be left.
    """

    def score(self, matrix: Tensor, eps: float) -> Tensor:
        """(N, D) -> (), in [0, 1)."""
        values = torch.linalg.svdvals(matrix)
        shares = values / values.sum().clamp_min(torch.finfo(values.dtype).tiny)
        return 1 - torch.special.entr(shares).sum().exp() / len(matrix)


@DISTANCES.register_module(name='global_alpha')
class Alpha(_Spectrum):
    """|a - 1|, a being the decay of the covariance's eigenvalues (alpha-ReQ, NeurIPS 2022).

    Agrawal et al. find that features generalise best where the i-th largest eigenvalue falls as
    i^-a with a near 1. Here -a is the slope of the least-squares line through (log i, log l_i) for
    i from 1 to k / 2, where k = min(N - 1, D) eigenvalues of the centred X can be positive; the
    smaller half falls faster than the law for want of images. An eigenvalue below what rounding
    makes, eps^2 of the mean squared length of features, counts as that.
    """

    least_group = 3

    def score(self, matrix: Tensor, eps: float) -> Tensor:
        """(N, D) -> ()."""
        images, channels = matrix.shape
        positive = min(images - 1, channels)
        if positive < 2:
            raise UserError('distance: alpha needs at least 3 images in each group and 2 channels')
        number = max(2, positive // 2)
        length = matrix.square().sum(1).mean().clamp_min(torch.finfo(torch.float).tiny)
        rounding = eps**2 * length
        values = torch.linalg.svdvals(matrix - matrix.mean(0))[:number].square() / images
        if values[0] <= rounding:  # equal features: the same as differing along one line
            values[0] = length
        index = torch.arange(1, number + 1, dtype=values.dtype, device=values.device).log()
        index = index - index.mean()
        slope = (index * values.clamp_min(rounding).log()).sum() / index.square().sum()
        return (slope + 1).abs()


@DISTANCES.register_module(name=['global_pooled_rank', 'dense_pooled_rank'])
class PooledRank(Rank):
    """``Rank`` of a stage's map, averaged over its positions."""

    reads = 'map'


@DISTANCES.register_module(name=['global_pooled_alpha', 'dense_pooled_alpha'])
class PooledAlpha(Alpha):
    """``Alpha`` of a stage's map, averaged over its positions."""

    reads = 'map'
