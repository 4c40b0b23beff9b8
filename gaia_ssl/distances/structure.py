"""The structure of dense features, without a teacher: the dense structure estimator, DSE.

By DSE (arXiv 2510.17299) features of positions are good for dense tasks if their clusters are
compact and far apart, and if they use many dimensions. Its sum of both, each divided by its
deviation over the candidates, is ``--distance separation dimension --combine spread``.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.registry import DISTANCES

from .spectrum import effective_rank
from .whole_set import PositionScore

CLUSTERS = 3
"""Clusters per image."""
IMAGES = 8
"""Images that are clustered together, into so many times as many clusters."""
ITERATIONS = 10
"""Iterations of k-means."""


class StructureScore(PositionScore):
    """Base class of the scores of all positions of all images, as unit vectors.

    Args:
        cells: See ``PositionScore``. Defaults to 14.
    """

    least_images = IMAGES

    def target(self, feature: Tensor) -> Tensor:
        """An empty tensor, (0,): there is no teacher."""
        return feature.new_empty(0)

    def collect(self, feature: Tensor, target: Tensor) -> Tensor:
        """Unit vectors, (N, C, H, W) -> (N, P, C)."""
        positions = self.averaged(feature).flatten(2).transpose(1, 2)  # (N, C, h, w) -> (N, P, C)
        return F.normalize(positions, dim=2)

    def prepare(self, targets: Iterable[Tensor]) -> None:
        """Nothing."""


@DISTANCES.register_module(name='dense_separation')
class Separation(StructureScore):
    """(R_1 + R_8) / 2 - D: the spread of clusters of positions less the distance between them.

    Positions are clustered by k-means, into 3 clusters per image and into 24 per 8 images. R_1 and
    R_8 are the mean radii of the clusters, D is the mean distance of a position of 8 images to the
    nearest centre of another cluster, all divided by the mean length of centred features. The
    radius of n points is the sum of the singular values of their centred matrix, (n, C), over the
    root of max(n - 1, C). It may be below 0.
    """

    def score(self, kept: Tensor, prepared: None) -> float:
        """(N, P, C) -> a number."""
        if not kept.isfinite().all():
            return torch.nan
        points = kept.double()
        scale = (points - points.mean((0, 1))).norm(dim=2).mean()
        whole = len(points) // IMAGES * IMAGES
        joined = points[:whole].reshape(whole // IMAGES, -1, points.shape[2])
        alone = _Clusters(points, CLUSTERS)
        together = _Clusters(joined, CLUSTERS * IMAGES)
        spread = (alone.radius() + together.radius()) / 2
        return float((spread - together.distance()) / scale.clamp_min(1e-12))


@DISTANCES.register_module(name='dense_dimension')
class Dimension(StructureScore):
    """1 - r / min(N, C): r is the mean effective rank of one position of each image.

    It is a mean over as many draws as there are positions; in each, every image is at another
    position, which a seed decides.
    """

    def score(self, kept: Tensor, prepared: None) -> float:
        """(N, P, C) -> a number in [0, 1)."""
        if not kept.isfinite().all():
            return torch.nan
        images, positions, channels = kept.shape
        generator = torch.Generator().manual_seed(0)
        starts = torch.randint(positions, (images,), generator=generator).to(kept.device)
        index = torch.arange(images, device=kept.device)
        ranks = [
            effective_rank(kept[index, (starts + shift) % positions].double())
            for shift in range(positions)
        ]
        return 1 - torch.stack(ranks).mean().item() / min(images, channels)


class _Clusters:
    """k-means of groups of points, from the same first centres in every run.

    Args:
        points: (G, n, C).
        number: The number of clusters of each group, k, at most n.
    """

    def __init__(self, points: Tensor, number: int) -> None:
        self.points, number = points, min(number, points.shape[1])
        self.centres = _spread_points(points, number)
        for _ in range(ITERATIONS):
            self._assign()
            share = F.one_hot(self.labels, number).to(points)  # (G, n) -> (G, n, k)
            sizes = share.sum(1).unsqueeze(2)  # (G, n, k) -> (G, k, 1)
            means = share.transpose(1, 2) @ points / sizes.clamp_min(1)
            # an empty cluster keeps its centre
            self.centres = torch.where(sizes > 0, means, self.centres)
        self._assign()

    def _assign(self) -> None:
        """Assign points to the nearest centres."""
        self.distances = torch.cdist(self.points, self.centres)  # (G, n, C), (G, k, C) -> (G, n, k)
        self.labels = self.distances.argmin(2)

    def distance(self) -> Tensor:
        """The mean distance of points to the nearest centre of another cluster, ()."""
        if self.centres.shape[1] < 2:
            return self.points.new_zeros(())
        own = self.labels.unsqueeze(2)
        return self.distances.scatter(2, own, torch.inf).amin(2).mean()

    def radius(self) -> Tensor:
        """The mean radius of clusters of two points or more, ()."""
        groups, number, channels = self.points.shape
        radii = []
        for cluster in range(self.centres.shape[1]):
            inside = self.labels == cluster  # (G, n)
            size = int(inside.sum(1).max())
            if size < 2:
                continue
            # those inside come first
            order = inside.int().argsort(dim=1, descending=True, stable=True)[:, :size]
            chosen = self.points.gather(1, order.unsqueeze(2).expand(-1, -1, channels))
            mask = inside.gather(1, order).unsqueeze(2)
            count = mask.sum(1, keepdim=True)
            centred = (chosen - (chosen * mask).sum(1, keepdim=True) / count.clamp_min(1)) * mask
            # a sum of singular values needs none below 1e-8 of the largest: eigenvalues are faster
            turned = centred if size <= channels else centred.transpose(1, 2)
            squares = torch.linalg.eigvalsh(turned @ turned.transpose(1, 2))
            values = squares.clamp_min(0).sqrt()  # (G, min(size, C))
            counts = count.flatten()
            divisor = (counts - 1).clamp_min(channels).to(values).sqrt()
            radii.append((values.sum(1) / divisor)[counts > 1])
        return torch.cat(radii).mean() if radii else self.points.new_zeros(())


def _spread_points(points: Tensor, number: int) -> Tensor:
    """Points of each group that lie far from each other, the first one first: (G, k, C)."""
    chosen = [points[:, 0]]
    nearest = torch.cdist(points, points[:, :1]).squeeze(2)  # (G, n)
    for _ in range(number - 1):
        farthest = nearest.argmax(1)
        centre = points[torch.arange(len(points), device=points.device), farthest]
        chosen.append(centre)
        nearest = torch.minimum(nearest, torch.cdist(points, centre.unsqueeze(1)).squeeze(2))
    return torch.stack(chosen, 1)
