"""The first channels of a weight, with a gradient that costs one pass over it."""

from typing import Any

import torch
from torch import Tensor


def first_channels(weight: Tensor, out_channels: int, in_channels: int) -> Tensor:
    """The part of a weight that a narrower layer uses.

    What indexing gives, dense, as convolutions want it: they would copy a view in the forward and
    again in the backward pass. Its gradient fills the whole weight's once, not once per dimension.

    Args:
        weight: (C_out, C_in, ...), in any memory format; the result keeps it.
        out_channels: Outputs to keep.
        in_channels: Inputs to keep.

    Returns:
        (out_channels, in_channels, ...): the weight itself if that is all of it.
    """
    if (out_channels, in_channels) == weight.shape[:2]:
        return weight
    return _FirstChannels.apply(weight, out_channels, in_channels)


class _FirstChannels(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, out_channels: int, in_channels: int) -> Tensor:
        ctx.save_for_backward(weight)
        return weight[:out_channels, :in_channels].clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        whole = torch.zeros_like(weight)
        whole[: grad.size(0), : grad.size(1)] = grad
        return whole, None, None
