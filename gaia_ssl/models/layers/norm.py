"""Elastic norms, which use the first channels of weights and statistics."""

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from torch import Tensor
from torch.distributed.nn.functional import all_reduce

from .recast import recast


class DynamicBatchNorm2d(nn.BatchNorm2d):
    """A batch norm whose width is read off its input.

    In training the running statistics of the channels in use move; those of the others stay.
    No single subnet has these statistics: calibrate them after extraction.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` of shape (N, C, H, W) with C up to ``num_features``."""
        mean = var = None
        if self.track_running_stats:
            mean, var = self.running_mean, self.running_var
            if self.training and self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        own = (mean, var, self.weight, self.bias)
        return self._normalise(x, *(None if p is None else p[: x.size(1)] for p in own))

    def _normalise(
        self,
        x: Tensor,
        mean: Tensor | None,
        var: Tensor | None,
        weight: Tensor | None,
        bias: Tensor | None,
    ) -> Tensor:
        use_batch = self.training or mean is None
        return F.batch_norm(x, mean, var, weight, bias, use_batch, self._momentum, self.eps)

    @property
    def _momentum(self) -> float:
        """The weight of the newest batch; a plain average over batches if ``momentum`` is None."""
        if self.momentum is not None:
            return self.momentum
        if not self.track_running_stats or self.num_batches_tracked is None:
            return 0.0
        return 1 / max(int(self.num_batches_tracked), 1)


class DynamicSyncBatchNorm(DynamicBatchNorm2d):
    """A dynamic batch norm whose statistics are those of the batch joined over all processes.

    Built from differentiable all-reduces, so that it runs with gloo as well as with nccl; without
    a process group it is a ``DynamicBatchNorm2d``. It takes (N, C) as well as (N, C, H, W).
    """

    def _normalise(
        self,
        x: Tensor,
        mean: Tensor | None,
        var: Tensor | None,
        weight: Tensor | None,
        bias: Tensor | None,
    ) -> Tensor:
        synchronise = self.training and dist.is_initialized() and dist.get_world_size() > 1
        if not synchronise:
            return super()._normalise(x, mean, var, weight, bias)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        count = wide.new_full((1,), x.numel() / x.size(1))
        others = [dim for dim in range(x.dim()) if dim != 1]
        # (N, C, ...) -> (2C + 1): sums, sums of squares and the number of values
        sums = torch.cat([wide.sum(others), wide.square().sum(others), count])
        sums = all_reduce(sums)
        channels = x.size(1)
        total = sums[-1].detach()
        batch_mean = sums[:channels] / total
        # rounding can make a variance of zero negative
        batch_var = (sums[channels:-1] / total - batch_mean.square()).clamp_min(0)
        if mean is not None and var is not None:
            with torch.no_grad():
                mean.lerp_(batch_mean.to(mean), self._momentum)
                # running statistics keep the unbiased variance, as torch's do
                var.lerp_((batch_var * total / (total - 1)).to(var), self._momentum)
        scale = torch.rsqrt(batch_var + self.eps)
        shift = -batch_mean * scale
        if weight is not None and bias is not None:
            scale, shift = scale * weight, shift * weight + bias
        form = (1, -1) + (1,) * (x.dim() - 2)  # (C) -> (1, C, 1, ...)
        return (wide * scale.view(form) + shift.view(form)).to(x.dtype)


class LayerNorm2d(nn.LayerNorm):
    """A layer norm over the channels of each cell of a map."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` of shape (N, C, H, W)."""
        return _layer_norm_2d(x, self.weight, self.bias, self.eps)


class DynamicLayerNorm(nn.LayerNorm):
    """A layer norm over the last dimension whose width is read off its input."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` of shape (..., C) with C up to the norm's width."""
        channels = x.size(-1)
        return F.layer_norm(x, (channels,), self.weight[:channels], self.bias[:channels], self.eps)


class DynamicLayerNorm2d(nn.LayerNorm):
    """A layer norm over the channels of each cell whose width is read off its input."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` of shape (N, C, H, W) with C up to the norm's width."""
        channels = x.size(1)
        return _layer_norm_2d(x, self.weight[:channels], self.bias[:channels], self.eps)


def _layer_norm_2d(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    # (N, C, H, W) -> (N, H, W, C) and back
    x = F.layer_norm(x.permute(0, 2, 3, 1), weight.shape, weight, bias, eps)
    return x.permute(0, 3, 1, 2)


def batch_norms(*modules: nn.Module) -> list[_BatchNorm]:
    """The batch norms of networks, each once.

    A network without batch norms has no statistics to calibrate or to share in a group of images.
    """
    found = (m for module in modules for m in module.modules() if isinstance(m, _BatchNorm))
    return list(dict.fromkeys(found))


def synchronise_norms(module: nn.Module, plain: bool = False) -> nn.Module:
    """Let the synchronised batch norms of a neck or head run with gloo as well, in place.

    Args:
        module: A network with torch's ``SyncBatchNorm``, which demands GPUs.
        plain: Convert plain batch norms, too. Defaults to False.

    Returns:
        The same module; its state dict keeps its keys and shapes.
    """
    for layer in batch_norms(module):
        if plain or isinstance(layer, nn.SyncBatchNorm):
            recast(layer, DynamicSyncBatchNorm)
    return module
