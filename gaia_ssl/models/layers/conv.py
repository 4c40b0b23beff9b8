"""Elastic convolutions, which use the first channels and the centre of the kernel."""

import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from .slicing import dense_part


class DynamicConv2d(nn.Conv2d):
    """A convolution that runs with the first channels and the centre of its kernels.

    Its input width is read off the input, its output width is told. Groups keep their width, so
    that fewer channels are fewer groups. Called with its full widths it is an ordinary
    convolution.
    """

    def forward(  # type: ignore[override]  # its caller tells the width
        self, x: Tensor, out_channels: int, kernel: int | None = None
    ) -> Tensor:
        """Convolve ``x`` of shape (N, C_in, H, W) to (N, out_channels, H', W').

        Args:
            x: The input.
            out_channels: The output's channels.
            kernel: Side of the square kernel, which does not change the map's size. Defaults to
                the whole kernel.
        """
        side = kernel or self.kernel_size[0]
        channels = min(x.size(1), self.weight.size(1))
        weight = dense_part(self.weight, (out_channels, channels, side, side))
        padding = self.padding
        if margin := (self.kernel_size[0] - side) // 2:
            assert not isinstance(padding, str)
            padding = tuple(p - d * margin for p, d in zip(padding, self.dilation, strict=True))
        bias = None if self.bias is None else self.bias[:out_channels]
        groups = x.size(1) // channels
        return F.conv2d(x, weight, bias, self.stride, padding, self.dilation, groups)


class StaticConv2d(nn.Conv2d):
    """A plain convolution, called like a dynamic one, so that both run in the same blocks."""

    def forward(  # type: ignore[override]  # its caller tells the width
        self, x: Tensor, out_channels: int, kernel: int | None = None
    ) -> Tensor:
        """Convolve ``x``; ``out_channels`` and ``kernel`` are those of the convolution."""
        return super().forward(x)
