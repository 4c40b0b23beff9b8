"""Convolutions called with the number of output channels, and the kernel, that are wanted."""

from collections.abc import Sequence

import torch.nn as nn
import torch.nn.functional as F
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


class DynamicConv2d(nn.Conv2d):
    """A convolution that runs with the first channels and the centre of its kernels.

    Its input width is read off the input, its output width is told. Groups keep their width, so
    that fewer channels are fewer groups. Called with its full widths it is an ordinary
    convolution.
    """

    def forward(self, x: Tensor, out_channels: int, kernel: int | None = None) -> Tensor:
        """Convolve ``x`` of shape (N, C_in, H, W) to (N, out_channels, H', W').

        Args:
            x: The input.
            out_channels: The output's channels.
            kernel: Side of the square kernel; the map has the same size whatever it is. Defaults
                to the whole kernel.
        """
        group_width, *sides = self.weight.shape[1:]
        channels = min(x.size(1), group_width)
        padding = self.padding
        if kernel is not None and kernel != sides[0]:
            margin = (sides[0] - kernel) // 2
            padding = [p - d * margin for p, d in zip(self.padding, self.dilation, strict=True)]
            sides = [kernel, kernel]
        weight = part_of(self.weight, (out_channels, channels, *sides))
        bias = None if self.bias is None else self.bias[:out_channels]
        groups = x.size(1) // channels
        return F.conv2d(x, weight, bias, self.stride, padding, self.dilation, groups)


class StaticConv2d(nn.Conv2d):
    """A plain convolution, called like a dynamic one, so that both run in the same blocks."""

    def forward(self, x: Tensor, out_channels: int, kernel: int | None = None) -> Tensor:
        """Convolve ``x``; ``out_channels`` and ``kernel`` are what the convolution has."""
        return super().forward(x)
