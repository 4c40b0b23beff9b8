"""Global distances: between embeddings of whole images (DATA, CVPR 2022).

s and t are the L2-normalised embeddings that the necks of subnet and teacher give an image. All
is computed in double precision: the embeddings are small and good subnets are close.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.registry import DISTANCES
from gaia_ssl.space.families import Size
from gaia_ssl.utils import UserError

from .base import Distance, Option, check_temperature


class EmbeddingDistance(Distance):
    """Base class of the distances between embeddings."""

    task = 'global'
    reads = 'embedding'

    def target_bytes(self, channels: int, size: Size) -> int:
        """Zero: embeddings are small beside the maps they are made from."""
        return 0

    def working_bytes(self, channels: int, size: Size) -> int:
        """Zero, as for targets."""
        return 0


def log_relations(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """The logarithm of the softmax of similarities: (N, D), (K, D) -> (N, K)."""
    return (queries @ keys.T / temperature).log_softmax(1)


class _UnitVectors(EmbeddingDistance):
    """Base class of the distances between unit vectors."""

    def target(self, feature: Tensor) -> Tensor:
        """The teacher's unit vectors, (N, D)."""
        return F.normalize(feature.double(), dim=1)


@DISTANCES.register_module(name='global_cosine')
class GlobalCosine(_UnitVectors):
    """1 - <s, t>, for unit vectors ``|s - t|^2 / 2``, the form without cancellation."""

    def __call__(self, feature: Tensor, target: Tensor) -> Tensor:
        """(N, D), (N, D) -> (N,)."""
        return (F.normalize(feature.double(), dim=1) - target).square().sum(1) / 2


@DISTANCES.register_module(name='global_mse')
class GlobalMSE(_UnitVectors):
    """``|s - t|^2 / D``: twice the cosine distance over D, so it ranks subnets as that does."""

    def __call__(self, feature: Tensor, target: Tensor) -> Tensor:
        """(N, D), (N, D) -> (N,)."""
        return (F.normalize(feature.double(), dim=1) - target).square().mean(1)


@DISTANCES.register_module(name='global_relation')
class GlobalRelation(EmbeddingDistance):
    """Difference in how an image relates to the others of its batch-norm group.

    It is the cross-entropy -sum_j p_ij log q_ij, where p_i and q_i are the softmax over the other
    images j of <t_i, t_j> / T and of <s_i, s_j> / T (after ReSSL, Zheng et al., NeurIPS 2021,
    which relates images to a queue). Its smallest value is the teacher's own entropy, not 0: it
    exceeds KL(p_i || q_i) by that, which no subnet changes.

    A training may relate images to a queue of the teacher's embeddings instead, the same for
    subnet and teacher.

    Args:
        temperature: T. Defaults to 0.2, as in DATA.
    """

    takes_queue = True
    least_group = 2
    options = dict(temperature=Option(float, 'temperature of the softmax; default: 0.2'))

    def __init__(self, temperature: float = 0.2) -> None:
        self.temperature = check_temperature(temperature)

    def target(self, feature: Tensor, queue: Tensor | None = None) -> Tensor:
        """The teacher's relations p, (N, N - 1), or (N, K) to a queue of K unit vectors, (D, K)."""
        return self._log_relations(feature, queue).exp()

    def __call__(self, feature: Tensor, target: Tensor, queue: Tensor | None = None) -> Tensor:
        """(N, D), (N, N - 1) -> (N,); to a queue of K unit vectors, (D, K): (N, D), (N, K)."""
        return -(target * self._log_relations(feature, queue)).sum(1)

    def _log_relations(self, feature: Tensor, queue: Tensor | None) -> Tensor:
        unit = F.normalize(feature.double(), dim=1)
        if queue is not None:
            return log_relations(unit, queue.double().T, self.temperature)
        images = len(feature)
        if images < 2:
            raise UserError('distance: relation needs at least 2 images in each group')
        similarity = unit @ unit.T / self.temperature
        others = ~torch.eye(images, dtype=torch.bool, device=feature.device)
        # (N, N) -> (N, N - 1), without each image's similarity to itself
        return similarity[others].view(images, images - 1).log_softmax(1)
