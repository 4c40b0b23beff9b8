"""ReSSL on a supernet."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

import gaia_ssl.models.heads  # noqa: F401 - registers its head
from gaia_ssl.registry import MODELS

from .moco import DynamicMoCo


class Relations(NamedTuple):
    """What the teacher makes of a batch.

    Attributes:
        keys: Its embeddings, (N, feat_dim).
        relation: Their distributions of similarity to the queue, (N, queue_len).
    """

    keys: Tensor
    relation: Tensor


@MODELS.register_module()
class DynamicReSSL(DynamicMoCo):
    """ReSSL (Zheng et al., NeurIPS 2021), its teacher always at MAX.

    The teacher sees the second, weakly augmented view. Every subnet learns to relate the first
    view to the images in the queue as the teacher relates the second.

    Args:
        queue_len: Embeddings in the queue; a multiple of the whole batch. Defaults to 65536.
        feat_dim: Channels of an embedding. Defaults to 128.
        momentum: Share of the online weights in an update of the teacher. Defaults to 0.001.
        head: Config of a ``RelationHead``.
        backbone, neck, arch_sampler, data_preprocessor: See ``SupernetSelfSupervisor``.
    """

    def targets(self, inputs: list[Tensor], data_samples: list) -> Relations:
        """The embeddings of the weak views and their relations to the queue."""
        keys = super().targets(inputs, data_samples)
        return Relations(keys, self.head.relation(keys @ self.queue))

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: Relations
    ) -> dict[str, Tensor]:
        """Cross entropy between the active subnet's relations and the teacher's."""
        embeddings = F.normalize(self.neck(self.backbone(inputs[0]))[0], dim=1)
        # (N, D) -> (N, queue_len)
        return dict(loss=self.head.loss(embeddings @ self.queue, targets.relation))

    def after_iteration(self, targets: Relations) -> None:
        """Enqueue the teacher's embeddings."""
        super().after_iteration(targets.keys)
