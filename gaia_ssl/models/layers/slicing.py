"""The part of a weight that a smaller layer uses."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def part_of(weight: Tensor, shape: Sequence[int]) -> Tensor:
    """The part of a weight that a smaller layer uses, as a view.

    Args:
        weight: A weight, bias or statistic: (C_out), (C_out, C_in) or (C_out, C_in, k, k).
        shape: The smaller layer's.

    Returns:
        The first channels and the centre of the kernel.
    """
    channels = map(slice, shape[:2])
    margins = [(full - side) // 2 for full, side in zip(weight.shape[2:], shape[2:], strict=True)]
    kernel = (slice(m, m + side) for m, side in zip(margins, shape[2:], strict=True))
    return weight[(*channels, *kernel)]


def dense_part(weight: Tensor, shape: Sequence[int]) -> Tensor:
    """``part_of`` for layers that train: dense, and the weight itself if that is all of it.

    A convolution would copy a view in its forward and again in its backward pass; and where a
    view's gradient fills the whole weight's once per dimension that is cut, this one's does once.
    """
    return weight if tuple(shape) == weight.shape else _DensePart.apply(weight, tuple(shape))


class _DensePart(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, shape: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(weight)
        return part_of(weight, shape).clone()  # in the weight's own memory format

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (weight,) = ctx.saved_tensors
        whole = torch.zeros_like(weight)
        part_of(whole, grad.shape).copy_(grad)
        return whole, None
