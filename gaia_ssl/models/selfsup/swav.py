"""SwAV on a supernet."""

import torch
import torch.nn as nn
from mmengine.dist import all_gather
from mmengine.logging import MessageHub
from mmpretrain.models.selfsup import SwAV
from torch import Tensor

from gaia_ssl.models.backbones import Encoder
from gaia_ssl.models.losses import SwAVLoss
from gaia_ssl.registry import MODELS

from .base import SupernetSelfSupervisor


class _OneCrop(nn.Module):
    """SwAV's neck, which takes crops of several sizes, called as other necks are."""

    def __init__(self, neck: nn.Module) -> None:
        super().__init__()
        self.neck = neck

    def forward(self, x: tuple[Tensor]) -> tuple[Tensor]:
        """Embed the features of one crop: (N, C, H, W) -> (N, D)."""
        return (self.neck([x]),)


@MODELS.register_module()
class DynamicSwAV(SupernetSelfSupervisor, SwAV):
    """SwAV (Caron et al., NeurIPS 2020): each crop of an image predicts the codes of others.

    Every subnet predicts its own codes over prototypes that all share. The queue takes MAX's
    embeddings, once per iteration; it is part of the checkpoint and takes the place of
    mmpretrain's ``SwAVHook``.

    Args:
        queue_len: Earlier images that take part in the codes; 0 for none. Defaults to 0.
        queue_start: First iteration that may use the queue, once it is full. Defaults to 0.
        freeze_iters: Iterations at the start in which the prototypes stay. Defaults to 0.
        backbone, neck, head, arch_sampler, data_preprocessor: See ``SupernetSelfSupervisor``.
    """

    def __init__(
        self, *args, queue_len: int = 0, queue_start: int = 0, freeze_iters: int = 0, **kwargs
    ) -> None:
        super().__init__(*args, **kwargs)
        # its state stays: only how the loss is computed changes
        self.head.loss_module.__class__ = SwAVLoss
        self.queue_start = queue_start
        self.freeze_iters = freeze_iters
        crops = len(self._loss_module.crops_for_assign)
        dims = self._loss_module.prototypes.in_features
        self.register_buffer('queue', torch.zeros(crops, queue_len, dims))
        self._embeddings: Tensor | None = None

    @property
    def _loss_module(self) -> SwAVLoss:
        return self.head.loss_module

    @property
    def student(self) -> Encoder:
        """The trained encoder."""
        return self.backbone, _OneCrop(self.neck)

    def targets(self, inputs: list[Tensor], data_samples: list) -> None:
        """Let the loss see the queue, if it is in use."""
        iteration = MessageHub.get_current_instance().get_info('iter', 0)
        due = self.queue.size(1) > 0 and iteration >= self.queue_start
        # zeros are where nothing was enqueued yet
        in_use = due and bool(self.queue[:, -1].any())
        self._loss_module.queue = self.queue if in_use else None
        self._loss_module.freeze_prototypes = iteration < self.freeze_iters
        self._embeddings = None

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: None
    ) -> dict[str, Tensor]:
        """The swapped prediction loss of the active subnet."""
        losses = super().subnet_loss(inputs, data_samples, targets)
        is_max = self.backbone.arch == self.backbone.space.max
        # a pass without gradients only asks for the loss
        if torch.is_grad_enabled() and (is_max or self._embeddings is None):
            self._embeddings = self._loss_module.embeddings
        return losses

    @torch.no_grad()
    def after_iteration(self, targets: None) -> None:
        """Enqueue MAX's embeddings, or the first subnet's where MAX was not drawn; newest first."""
        crops = self._embeddings.split(len(self._embeddings) // sum(self._loss_module.num_crops))
        for index, assigned in enumerate(self._loss_module.crops_for_assign):
            latest = torch.cat([*all_gather(crops[assigned]), self.queue[index]])
            self.queue[index] = latest[: self.queue.size(1)]
        self._embeddings = None
