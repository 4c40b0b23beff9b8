"""SwAV on a supernet."""

import torch
import torch.nn as nn
from mmengine.dist import all_gather
from mmengine.logging import MessageHub
from mmpretrain.models.selfsup import SwAV
from torch import Tensor

from gaia_ssl.models.backbones import Encoder
from gaia_ssl.models.layers import recast
from gaia_ssl.models.losses import SwAVLoss
from gaia_ssl.registry import MODELS

from .base import SupernetSelfSupervisor


class _OneCrop(nn.Module):
    """An adapter that calls SwAV's neck, which takes a list of crops, as other necks are called."""

    def __init__(self, neck: nn.Module) -> None:
        super().__init__()
        self.neck = neck

    def forward(self, x: tuple[Tensor]) -> tuple[Tensor]:
        """Embed the features of one crop: (N, C, H, W) -> (N, D)."""
        return (self.neck([x]),)


@MODELS.register_module()
class DynamicSwAV(SupernetSelfSupervisor, SwAV):
    """SwAV (Caron et al., NeurIPS 2020), with codes over prototypes that all subnets share.

    In every subnet each crop of an image predicts the codes that the subnet gives other crops. The
    queue takes MAX's embeddings once per iteration; it is part of the checkpoint and replaces
    mmpretrain's ``SwAVHook``.

    Args:
        queue_len: Number of earlier images that take part in the codes. Defaults to 0.
        queue_start: First iteration that may use the queue; it must be full, too. Defaults to 0.
        freeze_iters: Iterations at the start in which prototypes do not train. Defaults to 0.
        backbone, neck, head, arch_sampler, data_preprocessor: See ``SupernetSelfSupervisor``.
    """

    def __init__(
        self, *args, queue_len: int = 0, queue_start: int = 0, freeze_iters: int = 0, **kwargs
    ) -> None:
        super().__init__(*args, **kwargs)
        recast(self.head.loss_module, SwAVLoss)
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
        """Give the loss the queue, if the queue is in use."""
        iteration = MessageHub.get_current_instance().get_info('iter', 0)
        due = self.queue.size(1) > 0 and iteration >= self.queue_start
        # entries that were never filled are zero
        in_use = due and bool(self.queue[:, -1].any())
        self._loss_module.queue = self.queue if in_use else None
        self._loss_module.freeze_prototypes = iteration < self.freeze_iters
        self._embeddings = None

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: None
    ) -> dict[str, Tensor]:
        """Compute the swapped prediction loss of the active subnet."""
        losses = super().subnet_loss(inputs, data_samples, targets)
        is_max = self.backbone.arch == self.backbone.space.max
        # a pass without gradients belongs to a sampler that compares losses, not to the training
        if torch.is_grad_enabled() and (is_max or self._embeddings is None):
            self._embeddings = self._loss_module.embeddings
        return losses

    @torch.no_grad()
    def after_iteration(self, targets: None) -> None:
        """Enqueue MAX's embeddings, newest first; without MAX those of the first subnet."""
        embeddings = self._embeddings
        assert embeddings is not None, 'a trained subnet leaves its embeddings'
        crops = embeddings.split(len(embeddings) // sum(self._loss_module.num_crops))
        for index, assigned in enumerate(self._loss_module.crops_for_assign):
            latest = torch.cat([*all_gather(crops[assigned]), self.queue[index]])
            self.queue[index] = latest[: self.queue.size(1)]
        self._embeddings = None
