"""MobileNets: the layers of each step, ``DynamicMobileNet`` (supernet) and ``SubnetMobileNet``.

Weights have the names of OpenMMLab's MobileNetV2.
"""

import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.registry import MODELS
from gaia_ssl.space.families import InvertedBlock, MobileNetFamily, Stem

from .base import DynamicBackbone, SubnetBackbone
from .layer_factory import LayerFactory
from .stem import StemBackbone


class ConvNorm(nn.Module):
    """A convolution and its norm, of the same number of channels."""

    def __init__(
        self,
        layers: LayerFactory,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.conv = layers.conv(
            in_channels,
            out_channels,
            kernel,
            stride,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            groups=groups,
            bias=False,
        )
        self.bn = layers.norm(out_channels)

    def forward(self, x: Tensor, out_channels: int, kernel: int | None = None) -> Tensor:
        """Convolve and normalise: (N, C_in, H, W) -> (N, out_channels, H', W')."""
        return self.bn(self.conv(x, out_channels, kernel))


class InvertedResidual(nn.Module):
    """Expand by a 1x1 convolution, convolve each channel by itself, project by another 1x1.

    Args:
        step: The step at its largest; sizes the weights.
        in_channels: Channels of the block's (largest) input.
        layers: Builds its layers.
    """

    def __init__(self, step: InvertedBlock, in_channels: int, layers: LayerFactory) -> None:
        super().__init__()
        hidden = step.hidden
        self.conv = nn.Sequential()
        if step.expand:
            self.conv.append(ConvNorm(layers, in_channels, hidden))
        self.conv.append(
            ConvNorm(layers, hidden, hidden, step.kernel, step.stride, step.dilation, groups=hidden)
        )
        self.conv.append(ConvNorm(layers, hidden, step.out_channels))

    def forward(self, step: InvertedBlock, x: Tensor) -> Tensor:
        """Run the block as ``step``: (N, C_in, H, W) -> (N, step.out_channels, H', W')."""
        *expand, depthwise, project = self.conv
        out = x
        for layer in expand:
            out = F.relu6(layer(out, step.hidden), inplace=True)  # (N, C_in, ..) -> (N, hidden, ..)
        out = F.relu6(depthwise(out, step.hidden, step.kernel), inplace=True)
        out = project(out, step.out_channels)
        return x + out if step.residual else out


class _MobileNet(StemBackbone):
    """A MobileNet that holds the layers of one path and runs paths that fit inside it."""

    family_type = MobileNetFamily

    def add_stem(self, step: Stem, in_channels: int, layers: LayerFactory) -> None:
        """Add the layers of the stem."""
        self.conv1 = ConvNorm(layers, in_channels, step.out_channels, step.kernel, step.stride)

    def stem_modules(self) -> tuple[nn.Module, ...]:
        """The modules of the stem."""
        return (self.conv1,)

    def run_stem(self, step: Stem, x: Tensor) -> Tensor:
        """Compute the stem."""
        return F.relu6(self.conv1(x, step.out_channels), inplace=True)

    def build_step(
        self, step: InvertedBlock, in_channels: int, layers: LayerFactory
    ) -> InvertedResidual:
        """The block of a step."""
        return InvertedResidual(step, in_channels, layers)


@MODELS.register_module()
class SubnetMobileNet(_MobileNet, SubnetBackbone):
    """The static MobileNet of one arch, which an extracted checkpoint loads into.

    Args:
        arch: ``dict(stem_width=, width=[...], depth=[...], kernel=[...], expansion=[...])``.
        args: See ``SubnetBackbone``.
        kwargs: See ``SubnetBackbone``; the options of the family are those of
            ``MobileNetFamily``.
    """


@MODELS.register_module()
class DynamicMobileNet(_MobileNet, DynamicBackbone):
    """A MobileNet supernet, elastic in width, depth, kernel and expansion.

    Args:
        space: A space of the ``mobilenet`` family: its name, its data or a ``SearchSpace``.
        args: See ``DynamicBackbone``.
        kwargs: See ``DynamicBackbone``.
    """

    subnet_type = SubnetMobileNet
