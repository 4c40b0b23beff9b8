"""Slice the part of a weight that a smaller layer uses."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor
from torch.nn.modules.conv import _ConvNd


def part_of(weight: Tensor, shape: Sequence[int], kernel_dims: int = 0) -> Tensor:
    """The part of a weight that a smaller layer uses, as a view.

    Args:
        weight: A weight, bias, scale or statistic.
        shape: The smaller layer's.
        kernel_dims: The number of trailing dimensions that are those of a convolution's kernel,
            see ``kernel_dims``. Defaults to 0.

    Returns:
        The first entries of each dimension, and the centre of the kernel.
    """
    starts = [0] * (weight.dim() - kernel_dims)
    sides = zip(weight.shape[len(starts) :], shape[len(starts) :], strict=True)
    starts += [(full - side) // 2 for full, side in sides]
    return weight[tuple(slice(at, at + n) for at, n in zip(starts, shape, strict=True))]


def kernel_dims(module: nn.Module, name: str) -> int:
    """The number of trailing dimensions of a module's parameter that are a kernel's."""
    if isinstance(module, _ConvNd) and name == 'weight':
        return len(module.kernel_size)
    return 0


def dense_part(weight: Tensor, shape: Sequence[int]) -> Tensor:
    """``part_of`` for layers that train: dense, and the weight itself if that is all of it.

    Dimensions after the second are a kernel's.

    A convolution would copy a view in its forward and again in its backward pass; and where a
    view's gradient fills the whole weight's once per dimension that is cut, this one's does once.
    """
    return weight if tuple(shape) == weight.shape else _DensePart.apply(weight, tuple(shape))


class _DensePart(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, shape: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(weight)
        return part_of(weight, shape, len(shape) - 2).clone()  # in the weight's own memory format

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (weight,) = ctx.saved_tensors
        whole = torch.zeros_like(weight)
        part_of(whole, grad.shape, grad.dim() - 2).copy_(grad)
        return whole, None
