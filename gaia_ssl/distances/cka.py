"""Linear CKA of subnet and teacher over a whole set of images."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gaia_ssl.registry import DISTANCES
from gaia_ssl.space.families import Size

from .whole_set import FeatureScore, PositionScore


def _norm(moment: Tensor, left: Tensor, right: Tensor, number: int) -> Tensor:
    """The Frobenius norm of a centred moment, A^T B - (A^T 1)(B^T 1)^T / N."""
    return (moment - torch.outer(left, right) / number).square().sum().sqrt()


def _distance(cross: Tensor, own: Tensor, other: Tensor) -> float:
    """1 - CKA from the three norms; features that do not vary are like nothing."""
    tiny = torch.finfo(own.dtype).tiny
    return max(0.0, 1 - (cross.square() / (own * other).clamp_min(tiny)).item())


@DISTANCES.register_module(name='global_cka')
class CKA(FeatureScore):
    """1 - linear CKA of embeddings (Kornblith et al., ICML 2019, equation 5).

    CKA is ``|Y^T X|^2 / (|X^T X| |Y^T Y|)``, Frobenius norms of the centred features X of the
    subnet and Y of the teacher, of all images. Rotations and a common scale change nothing.
    """

    task = 'global'
    reads = 'embedding'

    def prepare(self, targets: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
        """The teacher's centred features, (N, E), and the norm of their moment, ()."""
        features = super().prepare(targets)
        centred = features - features.mean(0)
        return centred, torch.linalg.matrix_norm(centred.T @ centred)

    def compare(self, features: Tensor, prepared: tuple[Tensor, Tensor], eps: float) -> float:
        """(N, D), (N, E) -> a number in [0, 1]."""
        teacher, norm = prepared
        centred = features - features.mean(0)
        cross, own = (torch.linalg.matrix_norm(x.T @ centred) for x in (teacher, centred))
        return _distance(cross, own, norm)


@DISTANCES.register_module(name='global_pooled_cka')
class PooledCKA(CKA):
    """``CKA`` of the last stage's maps, averaged over their positions."""

    reads = 'map'


class _Teacher(NamedTuple):
    """The number of positions, N, the teacher's sums, (E,), and the norm of its moment."""

    number: int
    sums: Tensor
    norm: Tensor


@DISTANCES.register_module(name='dense_cka')
class DenseCKA(PositionScore):
    """1 - linear CKA of all positions of all images.

    As ``CKA``, but a row of X or Y is a position of an image's map, so that positions of different
    images are compared, which the other dense distances do not.

    Args:
        cells: Maps that are higher or wider are first averaged over cells so that they have this
            many rows or columns. Defaults to 14.
    """

    def target(self, feature: Tensor) -> Tensor:
        """The teacher's positions, (N, E, H, W) -> (N * P, E)."""
        feature = self.averaged(feature)
        return feature.flatten(2).transpose(1, 2).flatten(0, 1)  # (N, E, h, w) -> (N * P, E)

    def collect(self, feature: Tensor, target: Tensor) -> Tensor:
        """Moments with the subnet's and the teacher's positions, (C + 1, C + E + 1)."""
        own, ones = self.target(feature).double(), target.new_ones(len(target), 1).double()
        left, right = torch.cat([own, ones], 1), torch.cat([own, target.double(), ones], 1)
        with torch.autocast(feature.device.type, enabled=False):
            return left.T @ right

    def merge(self, parts: Sequence[Tensor]) -> Tensor:
        """The sum, one after the other."""
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def prepare(self, targets: Iterable[Tensor]) -> _Teacher:
        """Moments of the teacher's positions."""
        number, sums, moment = 0, None, None
        for target in targets:
            part = target.double()
            number += len(part)
            sums = part.sum(0) if sums is None else sums + part.sum(0)
            moment = part.T @ part if moment is None else moment + part.T @ part
        assert sums is not None and moment is not None
        return _Teacher(number, sums, _norm(moment, sums, sums, number))

    def score(self, kept: Tensor, prepared: _Teacher) -> float:
        """(C + 1, C + E + 1) -> a number in [0, 1]."""
        if not kept.isfinite().all():
            return torch.nan
        channels = len(kept) - 1
        sums = kept[:-1, -1]
        own = _norm(kept[:-1, :channels], sums, sums, prepared.number)
        cross = _norm(kept[:-1, channels:-1], sums, prepared.sums, prepared.number)
        return _distance(cross, own, prepared.norm)

    def target_bytes(self, channels: int, size: Size) -> int:
        """The bytes of an image's positions."""
        rows, columns = self.size(size)
        return 4 * channels * rows * columns

    def working_bytes(self, channels: int, size: Size) -> int:
        """Positions with one column more, twice, in double precision."""
        return 4 * self.target_bytes(channels + 1, size)

    def kept_bytes(self, images: int, channels: int, teacher_channels: int) -> int:
        """The bytes of the moments."""
        return 8 * (channels + 1) * (channels + teacher_channels + 1)
