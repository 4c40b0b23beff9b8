"""ResNets: the layers of each step, ``DynamicResNet`` (supernet) and ``SubnetResNet`` (static).

Weights have torchvision's names.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import torch.nn as nn
from mmengine.model import constant_init
from torch import Tensor

from gaia_ssl.registry import MODELS
from gaia_ssl.space.families import Block, ResNetFamily, Stem

from .base import DynamicBackbone, SubnetBackbone
from .layer_factory import LayerFactory
from .stem import StemBackbone


class ResidualBlock(nn.Module):
    """A residual branch, a shortcut and their sum: the base of basic and bottleneck blocks.

    Args:
        step: The step at its largest; sizes the weights.
        in_channels: Channels of the block's (largest) input.
        style: ``'pytorch'`` or ``'caffe'``, see ``ResNetFamily``.
        layers: Builds its layers.

    Attributes:
        last_norm: Name of the norm at the end of the residual branch.
    """

    last_norm: ClassVar[str]

    def __init__(self, step: Block, in_channels: int, style: str, layers: LayerFactory) -> None:
        super().__init__()
        self.add_layers(step, in_channels, style, layers)
        self.relu = nn.ReLU(inplace=True)
        if step.projection:
            self.downsample = nn.Sequential(
                layers.conv(in_channels, step.out_channels, 1, step.stride, bias=False),
                layers.norm(step.out_channels),
            )

    @abstractmethod
    def add_layers(self, step: Block, in_channels: int, style: str, layers: LayerFactory) -> None:
        """Add the layers of the residual branch."""

    @abstractmethod
    def residual(self, step: Block, x: Tensor) -> Tensor:
        """Compute the residual branch."""

    def forward(self, step: Block, x: Tensor) -> Tensor:
        """Run the block as ``step``: (N, C_in, H, W) -> (N, step.out_channels, H', W')."""
        shortcut = x
        if step.projection:
            conv, norm = self.downsample
            shortcut = norm(conv(x, step.out_channels))
        return self.relu(self.residual(step, x) + shortcut)


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions."""

    last_norm = 'bn2'

    def add_layers(self, step: Block, in_channels: int, style: str, layers: LayerFactory) -> None:
        """Add the layers of the residual branch."""
        conv, norm = layers.conv, layers.norm
        dilation = step.dilation
        self.conv1 = conv(in_channels, step.width, 3, step.stride, dilation, dilation, bias=False)
        self.bn1 = norm(step.width)
        self.conv2 = conv(step.width, step.out_channels, 3, padding=1, bias=False)
        self.bn2 = norm(step.out_channels)

    def residual(self, step: Block, x: Tensor) -> Tensor:
        """Compute the residual branch."""
        x = self.relu(self.bn1(self.conv1(x, step.width)))
        return self.bn2(self.conv2(x, step.out_channels))


class Bottleneck(ResidualBlock):
    """A 1x1, a 3x3 and a widening 1x1 convolution."""

    last_norm = 'bn3'

    def add_layers(self, step: Block, in_channels: int, style: str, layers: LayerFactory) -> None:
        """Add the layers of the residual branch."""
        conv, norm = layers.conv, layers.norm
        strides = (step.stride, 1) if style == 'caffe' else (1, step.stride)
        self.conv1 = conv(in_channels, step.width, 1, strides[0], bias=False)
        self.bn1 = norm(step.width)
        self.conv2 = conv(
            step.width,
            step.width,
            3,
            strides[1],
            padding=step.dilation,
            dilation=step.dilation,
            groups=step.groups,
            bias=False,
        )
        self.bn2 = norm(step.width)
        self.conv3 = conv(step.width, step.out_channels, 1, bias=False)
        self.bn3 = norm(step.out_channels)

    def residual(self, step: Block, x: Tensor) -> Tensor:
        """Compute the residual branch."""
        x = self.relu(self.bn1(self.conv1(x, step.width)))
        x = self.relu(self.bn2(self.conv2(x, step.width)))
        return self.bn3(self.conv3(x, step.out_channels))


BLOCKS: dict[str, type[ResidualBlock]] = dict(basic=BasicBlock, bottleneck=Bottleneck)


class _ResNet(StemBackbone):
    """A ResNet that holds the layers of one path and runs paths that fit inside it."""

    family_type = ResNetFamily

    def __init__(self, *args: Any, zero_init_residual: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zero_init_residual = zero_init_residual

    def add_stem(self, step: Stem, in_channels: int, layers: LayerFactory) -> None:
        """Add the layers of the stem."""
        self.conv1 = layers.conv(
            in_channels,
            step.out_channels,
            step.kernel,
            step.stride,
            step.kernel // 2,
            bias=False,
        )
        self.bn1 = layers.norm(step.out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)

    def stem_modules(self) -> tuple[nn.Module, ...]:
        """The modules of the stem."""
        return self.conv1, self.bn1

    def run_stem(self, step: Stem, x: Tensor) -> Tensor:
        """Compute the stem."""
        x = self.relu(self.bn1(self.conv1(x, step.out_channels)))
        return self.maxpool(x) if step.pool else x

    def build_step(self, step: Block, in_channels: int, layers: LayerFactory) -> ResidualBlock:
        """The block of a step."""
        family = self.space.family
        assert isinstance(family, ResNetFamily)
        return BLOCKS[family.block](step, in_channels, family.style, layers)

    def init_weights(self) -> None:
        """Initialise; with ``zero_init_residual`` each block starts as its shortcut."""
        super().init_weights()
        if self.zero_init_residual and not _is_pretrained(self.init_cfg):
            for module in self.modules():
                if isinstance(module, ResidualBlock):
                    constant_init(getattr(module, module.last_norm), 0)


def _is_pretrained(init_cfg: dict | list[dict]) -> bool:
    cfgs = [init_cfg] if isinstance(init_cfg, dict) else init_cfg
    return any(cfg['type'] == 'Pretrained' for cfg in cfgs)


@MODELS.register_module()
class SubnetResNet(_ResNet, SubnetBackbone):
    """The static ResNet of one arch, which an extracted checkpoint loads into.

    Args:
        arch: ``dict(stem_width=, width=[...], depth=[...])``.
        zero_init_residual: Start each block as its shortcut. Defaults to False.
        args: See ``SubnetBackbone``.
        kwargs: See ``SubnetBackbone``; the options of the family are those of ``ResNetFamily``.
    """


@MODELS.register_module()
class DynamicResNet(_ResNet, DynamicBackbone):
    """A ResNet supernet.

    Args:
        space: A space of the ``resnet`` family: its name, its data or a ``SearchSpace``.
        zero_init_residual: Start each block as its shortcut. Defaults to False.
        args: See ``DynamicBackbone``.
        kwargs: See ``DynamicBackbone``.
    """

    subnet_type = SubnetResNet
