"""Convolutions called with the number of output channels wanted."""

import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


class DynamicConv2d(nn.Conv2d):
    """A convolution that runs with the first channels of its weights.

    Its input width is read off the input, its output width is told. Called with its full widths
    it is an ordinary convolution.
    """

    def forward(self, x: Tensor, out_channels: int) -> Tensor:
        """Convolve ``x`` of shape (N, C_in, H, W) to (N, out_channels, H', W')."""
        weight = self.weight[:out_channels, : x.size(1)]
        bias = None if self.bias is None else self.bias[:out_channels]
        return F.conv2d(x, weight, bias, self.stride, self.padding, self.dilation)


class StaticConv2d(nn.Conv2d):
    """A plain convolution, called like a dynamic one, so that both run in the same blocks."""

    def forward(self, x: Tensor, out_channels: int) -> Tensor:
        """Convolve ``x``; ``out_channels`` is what the convolution has."""
        return super().forward(x)
