"""DenseCL on a supernet."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.dist import get_world_size
from mmpretrain.models.selfsup import DenseCL
from mmpretrain.models.utils import batch_shuffle_ddp, batch_unshuffle_ddp
from torch import Tensor

from gaia_ssl.registry import MODELS

from .momentum import QueueSupernet, check_queue


class DenseKeys(NamedTuple):
    """Keys and features of a batch from the key encoder.

    Attributes:
        whole: Key of each image, (N, D).
        grid: Key of each of the S positions, (N, D, S).
        pooled: Mean over an image's positions, (N, D), for the queue.
        features: The backbone's features, (N, C, S), which match positions across views.
    """

    whole: Tensor
    grid: Tensor
    pooled: Tensor
    features: Tensor


@MODELS.register_module()
class DynamicDenseCL(QueueSupernet, DenseCL):
    """DenseCL (Wang et al., CVPR 2021), with a key encoder that stays at MAX.

    Positions of two views are matched by the cosine similarity of backbone features. A subnet's C
    channels are the first C of MAX, so only those channels of the keys' features are compared.

    Args:
        queue_len: Keys in each queue; a multiple of the whole batch. Defaults to 65536.
        feat_dim: Channels of an embedding. Defaults to 128.
        momentum: Share of the online weights in an update of the key encoder. Defaults to 0.001.
        loss_lambda: Share of the dense loss. Defaults to 0.5.
        backbone, neck, head, arch_sampler, data_preprocessor: See ``SupernetSelfSupervisor``.
    """

    teacher_name = 'encoder_k'

    def targets(self, inputs: list[Tensor], data_samples: list) -> DenseKeys:
        """Update the key encoder and encode the keys of this batch."""
        self.update_teacher()
        shuffled, order = batch_shuffle_ddp(inputs[1])
        backbone, neck = self.teacher
        features = backbone(shuffled)
        keys = [F.normalize(key, dim=1) for key in neck(features)]
        keys.append(features[0].flatten(2))  # (N, C, H, W) -> (N, C, HW)
        # nccl gathers contiguous tensors only, which channels-last maps are not
        return DenseKeys(*(batch_unshuffle_ddp(key.contiguous(), order) for key in keys))

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: DenseKeys
    ) -> dict[str, Tensor]:
        """Compute InfoNCE of whole images and of positions with the keys and the queues."""
        features = self.backbone(inputs[0])
        whole, grid, _ = (F.normalize(query, dim=1) for query in self.neck(features))
        features = features[0].flatten(2)  # (N, C, H, W) -> (N, C, HW)
        match = _nearest(features, targets.features[:, : features.size(1)])
        # (N, D, S) -> (N, D, S): each position's key becomes that of its match
        keys = targets.grid.gather(2, match.unsqueeze(1).expand_as(targets.grid))
        dense = self._contrast(grid, keys, self.queue2)
        # an image is a grid of one position
        single = self._contrast(whole.unsqueeze(2), targets.whole.unsqueeze(2), self.queue)
        return dict(
            loss_single=single * (1 - self.loss_lambda), loss_dense=dense * self.loss_lambda
        )

    def _contrast(self, queries: Tensor, keys: Tensor, queue: Tensor) -> Tensor:
        """Compute InfoNCE of (N, D, S) queries with their own keys and those of the queue."""
        positive = (queries * keys).sum(1).flatten().unsqueeze(1)  # (N, D, S) -> (NS, 1)
        queries = queries.transpose(1, 2).flatten(0, 1)  # (N, D, S) -> (NS, D)
        return self.head.loss(positive, queries @ queue)

    def after_iteration(self, targets: DenseKeys) -> None:
        """Enqueue the keys of images and the pooled keys of grids.

        Raises:
            UserError: If a queue does not hold a whole number of batches.
        """
        check_queue(self.queue_len, len(targets.whole) * get_world_size())
        self._dequeue_and_enqueue(targets.whole)
        self._dequeue_and_enqueue2(targets.pooled)


@torch.no_grad()
def _nearest(queries: Tensor, keys: Tensor) -> Tensor:
    """Return the most similar key position per query position: two (N, C, S) -> (N, S)."""
    queries, keys = F.normalize(queries, dim=1), F.normalize(keys, dim=1)
    return (queries.transpose(1, 2) @ keys).argmax(2)  # (N, C, S) -> (N, S, S) -> (N, S)
