"""MoCo v2 on a supernet."""

import torch
import torch.nn.functional as F
from mmengine.dist import get_world_size
from mmpretrain.models.selfsup import MoCo
from mmpretrain.models.utils import batch_shuffle_ddp, batch_unshuffle_ddp
from torch import Tensor

from gaia_ssl.registry import MODELS

from .momentum import QueueSupernet, check_queue


@MODELS.register_module()
class DynamicMoCo(QueueSupernet, MoCo):
    """MoCo v2 (Chen et al., 2020) as in DATA (CVPR 2022): the key encoder stays at MAX.

    Once per iteration the key encoder is updated, the keys are encoded, and the queue takes them.
    Every subnet contrasts its queries with the same keys and the same queue.

    Args:
        queue_len: Keys in the queue; a multiple of the whole batch. Defaults to 65536.
        feat_dim: Channels of an embedding. Defaults to 128.
        momentum: Share of the online weights in an update of the key encoder. Defaults to 0.001.
        backbone, neck, head, arch_sampler, data_preprocessor: See ``SupernetSelfSupervisor``.
    """

    teacher_name = 'encoder_k'

    def targets(self, inputs: list[Tensor], data_samples: list) -> Tensor:
        """Update the key encoder and encode the keys of this batch, (N, feat_dim)."""
        self.update_teacher()
        shuffled, order = batch_shuffle_ddp(inputs[1])
        keys = F.normalize(self.encoder_k(shuffled)[0], dim=1)
        return batch_unshuffle_ddp(keys, order)

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: Tensor
    ) -> dict[str, Tensor]:
        """Compute InfoNCE of the active subnet's queries with the keys and the queue."""
        queries = F.normalize(self.neck(self.backbone(inputs[0]))[0], dim=1)
        positive = torch.einsum('nc,nc->n', queries, targets).unsqueeze(1)  # (N, C) -> (N, 1)
        negative = queries @ self.queue  # (N, C) -> (N, queue_len)
        return dict(loss=self.head.loss(positive, negative))

    def after_iteration(self, targets: Tensor) -> None:
        """Enqueue the keys.

        Raises:
            UserError: If the queue does not hold a whole number of batches.
        """
        check_queue(self.queue_len, len(targets) * get_world_size())
        self._dequeue_and_enqueue(targets)
