"""Elastic linear layers, and conversion of mmpretrain's necks to features of any width."""

from typing import TypeGuard

import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.utils.errors import UserError

from .recast import recast
from .slicing import dense_part


class DynamicLinear(nn.Linear):
    """A linear layer that runs with its first inputs and outputs.

    Its input width is read off the input, its output width is told. Called with its full widths
    it is an ordinary linear layer.
    """

    def forward(  # type: ignore[override]  # its caller tells the width
        self, x: Tensor, out_features: int
    ) -> Tensor:
        """Map ``x`` of shape (..., C), C up to ``in_features``, to (..., out_features)."""
        weight = dense_part(self.weight, (out_features, x.size(-1)))
        bias = None if self.bias is None else self.bias[:out_features]
        return F.linear(x, weight, bias)


class StaticLinear(nn.Linear):
    """A plain linear layer, called as a dynamic one, so that both run in the same blocks."""

    def forward(  # type: ignore[override]  # its caller tells the width
        self, x: Tensor, out_features: int
    ) -> Tensor:
        """Map ``x``; ``out_features`` is the number that the layer has."""
        return super().forward(x)


class InputElasticLinear(nn.Linear):
    """A linear layer that runs with the weights of the first inputs; its output is whole."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (N, C) with C up to ``in_features`` to (N, out_features)."""
        return F.linear(x, self.weight[:, : x.size(-1)], self.bias)


class InputElasticPointwise(nn.Conv2d):
    """A 1x1 convolution that runs with the weights of the first inputs; its output is whole."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (N, C, H, W) with C up to ``in_channels`` to all outputs."""
        return F.conv2d(x, self.weight[:, : x.size(1)], self.bias)


def make_input_elastic(neck: nn.Module, channels: int) -> nn.Module:
    """Let a neck read the features of any subnet, by converting the layers that read them.

    Args:
        neck: Any of mmpretrain's self-supervised necks: its linear layers and 1x1 convolutions
            with ``channels`` inputs read the backbone, or have all their inputs in any case.
        channels: Channels of the backbone's last stage at MAX.

    Returns:
        The same module, converted in place; its state dict keeps its keys and shapes.

    Raises:
        UserError: If no layer of the neck has that many inputs.
    """
    layers = list(neck.modules())
    linear = [m for m in layers if isinstance(m, nn.Linear) and m.in_features == channels]
    pointwise = [m for m in layers if _is_pointwise(m) and m.in_channels == channels]
    if not linear and not pointwise:
        raise UserError(
            f'model.neck.in_channels: no layer of {type(neck).__name__} reads {channels} '
            "channels, those of the backbone's last stage at MAX; set it to that number"
        )
    for layer in linear:
        recast(layer, InputElasticLinear)
    for convolution in pointwise:
        recast(convolution, InputElasticPointwise)
    return neck


def _is_pointwise(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
    return isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.groups == 1
