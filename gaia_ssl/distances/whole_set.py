"""The base classes of scores of a whole set of images."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.space.families import Size
from gaia_ssl.utils import UserError

from .base import Option, Score


class WholeSetScore(Score):
    """A score of a subnet's features of all images together, not a mean over images.

    ``collect`` reduces the features of a batch-norm group to what the score needs, ``merge`` joins
    groups in their order, and ``score`` is called once for each subnet. It does therefore not
    depend on which images form a group, but for their batch norms.

    Attributes:
        least_images: The smallest number of images for which it is defined.
    """

    least_images: int = 2

    @abstractmethod
    def collect(self, feature: Tensor, target: Tensor) -> Tensor:
        """Reduce a group's features, with the teacher's target of the group, to what is kept."""

    def merge(self, parts: Sequence[Tensor]) -> Tensor:
        """Join what was kept of several groups, or merged before, in their order: (n, ...) each."""
        return parts[0] if len(parts) == 1 else torch.cat(list(parts))

    @abstractmethod
    def prepare(self, targets: Iterable[Tensor]) -> Any:
        """Make what scores need of the teacher from the targets of all groups; once."""

    @abstractmethod
    def score(self, kept: Tensor, prepared: Any) -> float:
        """The score of a subnet, a number; NaN if a feature is not finite."""

    @abstractmethod
    def kept_bytes(self, images: int, channels: int, teacher_channels: int) -> int:
        """Bytes of what is kept of a subnet.

        Args:
            images: The number of images.
            channels: The channels of the subnet's map.
            teacher_channels: The channels of the teacher's map.
        """


class FeatureScore(WholeSetScore):
    """Base class of scores of one feature vector per image.

    It is the neck's embedding, or for a subclass that reads maps their average over positions.
    """

    def target(self, feature: Tensor) -> Tensor:
        """(N, D), or (N, C, H, W) if maps are read -> (N, D)."""
        if self.reads == 'map':
            pooled = feature.mean((2, 3), dtype=torch.double)  # (N, C, H, W) -> (N, C)
            return pooled.to(torch.promote_types(feature.dtype, torch.float))
        return feature.clone()

    def collect(self, feature: Tensor, target: Tensor) -> Tensor:
        """The same of a subnet."""
        return self.target(feature)

    def prepare(self, targets: Iterable[Tensor]) -> Any:
        """The teacher's features of all images, (N, D), in double precision."""
        return self.merge(list(targets)).double()

    def score(self, kept: Tensor, prepared: Any) -> float:
        """The score of features, (N, D)."""
        if not kept.isfinite().all():
            return torch.nan
        return self.compare(kept.double(), prepared, torch.finfo(kept.dtype).eps)

    @abstractmethod
    def compare(self, features: Tensor, prepared: Any, eps: float) -> float:
        """The score.

        Args:
            features: The subnet's, (N, D), in double precision.
            prepared: The return value of ``prepare``.
            eps: Relative rounding error of what the features were made from.
        """

    def target_bytes(self, channels: int, size: Size) -> int:
        """A vector, which may be in double precision."""
        return 8 * channels

    def working_bytes(self, channels: int, size: Size) -> int:
        """Zero: averages in double precision take two copies of the map."""
        return 0

    def kept_bytes(self, images: int, channels: int, teacher_channels: int) -> int:
        """A vector per image."""
        return 4 * images * channels


class PositionScore(WholeSetScore):
    """Base class of scores of the positions of all images' maps.

    Args:
        cells: Maps that are higher or wider are first averaged over cells so that they have this
            many rows or columns. Defaults to 14.

    Raises:
        UserError: If it is not a whole number of 2 or more.
    """

    task = 'dense'
    reads = 'map'
    options = dict(
        cells=Option(int, 'larger maps are averaged to this many cells a side; default: 14')
    )

    def __init__(self, cells: int = 14) -> None:
        if not isinstance(cells, int) or cells < 2:
            raise UserError(f'distance: cells: {cells!r} is not a whole number of 2 or more')
        self.cells = cells

    def averaged(self, feature: Tensor) -> Tensor:
        """Average a map over cells, in single precision at least: (N, C, H, W) -> (N, C, h, w)."""
        size = self.size((feature.shape[2], feature.shape[3]))
        feature = feature.to(torch.promote_types(feature.dtype, torch.float))
        return feature if size == feature.shape[2:] else F.adaptive_avg_pool2d(feature, size)

    def size(self, size: Size) -> Size:
        """Rows and columns of the positions of a map."""
        return min(size[0], self.cells), min(size[1], self.cells)

    def target_bytes(self, channels: int, size: Size) -> int:
        """Zero: there is no teacher."""
        return 0

    def working_bytes(self, channels: int, size: Size) -> int:
        """Zero: averages take no more than two copies of the map."""
        return 0

    def kept_bytes(self, images: int, channels: int, teacher_channels: int) -> int:
        """As many cells as there may be, in single precision."""
        return 4 * images * channels * self.cells**2
