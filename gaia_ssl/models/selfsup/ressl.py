"""ReSSL on a supernet."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.registry import MODELS

from .moco import DynamicMoCo


class Relations(NamedTuple):
    """The teacher's output for a batch.

    Attributes:
        keys: Embeddings, (N, feat_dim).
        relation: Distributions of their similarity to the queue, (N, queue_len).
    """

    keys: Tensor
    relation: Tensor


@MODELS.register_module()
class DynamicReSSL(DynamicMoCo):
    """ReSSL (Zheng et al., NeurIPS 2021), with a teacher that stays at MAX.

    The teacher sees the second, weakly augmented view. Every subnet learns the teacher's
    distribution of similarities to the images in the queue from the first view.

    Args:
        queue_len: Embeddings in the queue; a multiple of the whole batch. Defaults to 65536.
        feat_dim: Channels of an embedding. Defaults to 128.
        momentum: Share of the online weights in an update of the teacher. Defaults to 0.001.
        head: Config of a ``RelationHead``.
        backbone, neck, arch_sampler, data_preprocessor: See ``SupernetSelfSupervisor``.
    """

    # targets of another type than MoCo's, of whose class only the parts and the queue are used
    def targets(  # type: ignore[override]
        self, inputs: list[Tensor], data_samples: list
    ) -> Relations:
        """Update the teacher; embed the weak views and relate them to the queue."""
        keys = super().targets(inputs, data_samples)
        return Relations(keys, self.head.relation(keys @ self.queue))

    def subnet_loss(  # type: ignore[override]
        self, inputs: list[Tensor], data_samples: list, targets: Relations
    ) -> dict[str, Tensor]:
        """Compute the cross entropy of the active subnet's relations with the teacher's."""
        embeddings = F.normalize(self.neck(self.backbone(inputs[0]))[0], dim=1)
        # (N, D) -> (N, queue_len)
        return dict(loss=self.head.loss(embeddings @ self.queue, targets.relation))

    def after_iteration(self, targets: Relations) -> None:  # type: ignore[override]
        """Enqueue the teacher's embeddings."""
        super().after_iteration(targets.keys)
