"""Agreement of nearest neighbours between subnet and teacher."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.registry import DISTANCES
from gaia_ssl.utils import UserError

from .base import Option
from .whole_set import FeatureScore

# rows of the matrix of similarities that are there at a time
_ROWS = 1024


@DISTANCES.register_module(name='global_neighbours')
class Neighbours(FeatureScore):
    """1 - the share of an image's k nearest neighbours that subnet and teacher have in common.

    Neighbours are the other images of the set by the cosine of embeddings. It is one minus mutual
    kNN alignment (Huh et al., ICML 2024, section 2), and needs no equal number of channels.

    Args:
        neighbours: k. Defaults to 10.
    """

    task = 'global'
    reads = 'embedding'
    options = dict(neighbours=Option(int, 'nearest neighbours that are compared; default: 10'))

    def __init__(self, neighbours: int = 10) -> None:
        if not isinstance(neighbours, int) or neighbours < 1:
            raise UserError(f'distance: neighbours: {neighbours!r} is not a whole number above 0')
        self.neighbours = neighbours
        self.least_images = neighbours + 1

    def prepare(self, targets: Iterable[Tensor]) -> Tensor:
        """The teacher's neighbours, (N, k)."""
        return self._nearest(super().prepare(targets))

    def compare(self, features: Tensor, prepared: Tensor, eps: float) -> float:
        """(N, D), (N, k) -> a number in [0, 1]."""
        own = self._nearest(features)
        common = (own.unsqueeze(2) == prepared.unsqueeze(1)).any(2)  # (N, k), (N, k) -> (N, k)
        return 1 - common.double().mean().item()

    def _nearest(self, features: Tensor) -> Tensor:
        """The nearest other images of each, (N, D) -> (N, k)."""
        unit = F.normalize(features, dim=1)
        found = []
        for start in range(0, len(unit), _ROWS):
            similarity = unit[start : start + _ROWS] @ unit.T
            index = torch.arange(len(similarity), device=unit.device)
            similarity[index, start + index] = -torch.inf
            found.append(similarity.topk(self.neighbours, dim=1).indices)
        return torch.cat(found)


@DISTANCES.register_module(name='global_pooled_neighbours')
class PooledNeighbours(Neighbours):
    """``Neighbours`` by the last stage's maps, averaged over their positions."""

    reads = 'map'


@DISTANCES.register_module(name='dense_pooled_neighbours')
class DensePooledNeighbours(PooledNeighbours):
    """``PooledNeighbours`` of the stages that are searched by."""

    task = 'dense'
