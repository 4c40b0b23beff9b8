"""Dense distances: between the self-similarities of feature maps (DATA, CVPR 2022).

S and T are an image's P x P matrices of cosine similarity between the P positions of its feature
map, of the subnet and of the teacher, so that channels need not match. i and j are positions.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.registry import DISTANCES
from gaia_ssl.space.families import Size
from gaia_ssl.utils import UserError

from .base import Distance, Option, check_temperature

# matrices that a call holds at a time
_MATRICES = 3


class DenseDistance(Distance):
    """Base class of the distances between self-similarities.

    A target of N images takes up to N * grid^4 * 4 bytes of memory (``kl``: twice that), and so
    does each of the matrices that a call works on.

    Args:
        grid: Maps that are higher or wider are first averaged over cells so that they have
            ``grid`` rows or columns. Defaults to 28, the map of stride 8 at 224 px.

    Attributes:
        itemsize: Bytes of a number in its matrices.
    """

    task = 'dense'
    reads = 'map'
    options = dict(
        grid=Option(int, 'larger maps are averaged to this many cells a side; default: 28')
    )
    itemsize: ClassVar[int] = 4

    def __init__(self, grid: int = 28) -> None:
        if not isinstance(grid, int) or grid < 2:
            raise UserError(f'distance: grid: {grid!r} is not a whole number of 2 or more')
        self.grid = grid

    def similarity(self, feature: Tensor) -> Tensor:
        """Cosine similarity of all pairs of positions: (N, C, H, W) -> (N, P, P)."""
        height, width = feature.shape[2:]
        size = self._cells((height, width))
        # mixed precision would round the product to 8 bits
        with torch.autocast(feature.device.type, enabled=False):
            feature = feature.to(torch.promote_types(feature.dtype, torch.float))
            if size != feature.shape[2:]:
                feature = F.adaptive_avg_pool2d(feature, size)
            unit = F.normalize(feature, dim=1).flatten(2)  # (N, C, h, w) -> (N, C, P)
            return unit.transpose(1, 2) @ unit

    def target_bytes(self, channels: int, size: Size) -> int:
        """The bytes of a matrix of one image, whatever its channels."""
        rows, columns = self._cells(size)
        return self.itemsize * (rows * columns) ** 2

    def working_bytes(self, channels: int, size: Size) -> int:
        """The bytes of the matrices that a call holds at a time, for one image."""
        return _MATRICES * self.target_bytes(channels, size)

    def _cells(self, size: Size) -> Size:
        """Rows and columns of the positions that are compared."""
        return min(size[0], self.grid), min(size[1], self.grid)


@DISTANCES.register_module(name='dense_mse')
class DenseMSE(DenseDistance):
    """The mean over i and j of (S_ij - T_ij)^2.

    Args:
        grid: The most rows or columns that are compared, see ``DenseDistance``. Defaults to 28.
    """

    def target(self, feature: Tensor) -> Tensor:
        """The teacher's T, (N, P, P)."""
        return self.similarity(feature)

    def __call__(self, feature: Tensor, target: Tensor) -> Tensor:
        """(N, C, H, W), (N, P, P) -> (N,)."""
        return self.similarity(feature).sub_(target).square_().mean((1, 2))


@DISTANCES.register_module(name='dense_cosine')
class DenseCosine(DenseDistance):
    """The mean over i of 1 - cos(S_i, T_i), rows as vectors.

    For unit rows 1 - cos is half the squared difference, the form without cancellation.

    Args:
        grid: The most rows or columns that are compared, see ``DenseDistance``. Defaults to 28.
    """

    def target(self, feature: Tensor) -> Tensor:
        """The teacher's rows, made unit vectors: (N, P, P)."""
        return F.normalize(self.similarity(feature), dim=2)

    def __call__(self, feature: Tensor, target: Tensor) -> Tensor:
        """(N, C, H, W), (N, P, P) -> (N,)."""
        return self.target(feature).sub_(target).square_().sum(2).mean(1) / 2


@DISTANCES.register_module(name='dense_kl')
class DenseKL(DenseDistance):
    """The mean over i of KL(p_i || q_i), p_i and q_i being the softmax of T_i / t and S_i / t.

    Args:
        temperature: t. Defaults to 0.2.
        grid: The most rows or columns that are compared, see ``DenseDistance``. Defaults to 28.
    """

    options = dict(
        temperature=Option(float, 'temperature of the softmax; default: 0.2'),
        **DenseDistance.options,
    )
    itemsize = 8

    def __init__(self, temperature: float = 0.2, grid: int = 28) -> None:
        super().__init__(grid)
        self.temperature = check_temperature(temperature)

    def target(self, feature: Tensor) -> Tensor:
        """The teacher's log p, (N, P, P)."""
        # a small difference of large terms: double precision
        return self.similarity(feature).double().div_(self.temperature).log_softmax(2)

    def __call__(self, feature: Tensor, target: Tensor) -> Tensor:
        """(N, C, H, W), (N, P, P) -> (N,)."""
        # log_softmax keeps its output for the gradient: the difference is not taken in place
        return (self.target(feature) - target).mul_(target.exp()).sum(2).mean(1).neg_()
