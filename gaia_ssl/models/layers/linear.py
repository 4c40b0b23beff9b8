"""Layers elastic on their input, and necks made of them."""

import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.utils.errors import UserError


class DynamicLinear(nn.Linear):
    """A linear layer that runs with the weights of the first inputs; its output is whole."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (N, C) with C up to ``in_features`` to (N, out_features)."""
        return F.linear(x, self.weight[:, : x.size(-1)], self.bias)


class DynamicPointwise(nn.Conv2d):
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
    # parameters, hooks and initialisation stay: only how a layer is called changes
    for layer in linear:
        layer.__class__ = DynamicLinear
    for layer in pointwise:
        layer.__class__ = DynamicPointwise
    return neck


def _is_pointwise(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.groups == 1
