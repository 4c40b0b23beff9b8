"""ResNets: steps -> blocks -> ``DynamicResNet`` (supernet) and ``SubnetResNet`` (static).

Weights are named as torchvision names them.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch.nn as nn
from mmcv.cnn import build_norm_layer
from mmengine.model import constant_init
from torch import Tensor

from gaia_ssl.models.layers import (
    DynamicBatchNorm2d,
    DynamicConv2d,
    DynamicSyncBatchNorm,
    StaticConv2d,
)
from gaia_ssl.registry import MODELS
from gaia_ssl.space import Arch, SearchSpace, get_space
from gaia_ssl.space.families.resnet import Block, ResNetFamily, Stem
from gaia_ssl.utils.errors import UserError

from .base import DynamicBackbone, PathBackbone, SubnetBackbone

Conv = type[DynamicConv2d] | type[StaticConv2d]
Norm = Callable[[int], nn.Module]

DYNAMIC_NORMS = dict(BN=DynamicBatchNorm2d, SyncBN=DynamicSyncBatchNorm)
INIT_CFG = [
    dict(type='Kaiming', layer='Conv2d'),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
]


class ResidualBlock(nn.Module):
    """What basic and bottleneck blocks share: the shortcut and the sum.

    Args:
        step: The step at its largest; sizes the weights.
        in_channels: Channels of the block's (largest) input.
        style: ``'pytorch'`` or ``'caffe'``, see ``ResNetFamily``.
        conv: Class of the convolutions.
        norm: Builds a norm of so many channels.
    """

    def __init__(self, step: Block, in_channels: int, style: str, conv: Conv, norm: Norm) -> None:
        super().__init__()
        self.add_layers(step, in_channels, style, conv, norm)
        self.relu = nn.ReLU(inplace=True)
        if step.projection:
            self.downsample = nn.Sequential(
                conv(in_channels, step.out_channels, 1, step.stride, bias=False),
                norm(step.out_channels),
            )

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

    def add_layers(self, step, in_channels, style, conv, norm) -> None:
        """Add the layers of the residual branch."""
        dilation = step.dilation
        self.conv1 = conv(in_channels, step.width, 3, step.stride, dilation, dilation, bias=False)
        self.bn1 = norm(step.width)
        self.conv2 = conv(step.width, step.out_channels, 3, padding=1, bias=False)
        self.bn2 = norm(step.out_channels)

    def residual(self, step: Block, x: Tensor) -> Tensor:
        """The residual branch."""
        x = self.relu(self.bn1(self.conv1(x, step.width)))
        return self.bn2(self.conv2(x, step.out_channels))


class Bottleneck(ResidualBlock):
    """A 1x1, a 3x3 and a widening 1x1 convolution."""

    last_norm = 'bn3'

    def add_layers(self, step, in_channels, style, conv, norm) -> None:
        """Add the layers of the residual branch."""
        strides = (step.stride, 1) if style == 'caffe' else (1, step.stride)
        dilation = step.dilation
        self.conv1 = conv(in_channels, step.width, 1, strides[0], bias=False)
        self.bn1 = norm(step.width)
        self.conv2 = conv(step.width, step.width, 3, strides[1], dilation, dilation, bias=False)
        self.bn2 = norm(step.width)
        self.conv3 = conv(step.width, step.out_channels, 1, bias=False)
        self.bn3 = norm(step.out_channels)

    def residual(self, step: Block, x: Tensor) -> Tensor:
        """The residual branch."""
        x = self.relu(self.bn1(self.conv1(x, step.width)))
        x = self.relu(self.bn2(self.conv2(x, step.width)))
        return self.bn3(self.conv3(x, step.out_channels))


BLOCKS = dict(basic=BasicBlock, bottleneck=Bottleneck)


class _ResNet(PathBackbone):
    """A ResNet that holds the layers of one path, and runs paths that fit inside it."""

    def _add_layers(self, family: ResNetFamily, conv: Conv, norm: Norm) -> None:
        """Add the layers that the active path uses."""
        (stem,), stages = self.active_path
        self.conv1 = conv(
            family.in_channels,
            stem.out_channels,
            stem.kernel,
            stem.stride,
            stem.kernel // 2,
            bias=False,
        )
        self.bn1 = norm(stem.out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = stem.out_channels
        for stage, steps in enumerate(stages):
            layer = nn.Sequential()
            for step in steps:
                layer.append(BLOCKS[family.block](step, channels, family.style, conv, norm))
                channels = step.out_channels
            self.add_module(f'layer{stage + 1}', layer)
        self.freeze_stages()

    def stage_modules(self, stage: int) -> Iterable[nn.Module]:
        """The modules of the stem (-1) or of a stage."""
        return (self.conv1, self.bn1) if stage < 0 else (getattr(self, f'layer{stage + 1}'),)

    def apply_step(self, step: Stem | Block, x: Tensor) -> Tensor:
        """Compute one step."""
        if isinstance(step, Block):
            return self.get_submodule(step.name)(step, x)
        x = self.relu(self.bn1(self.conv1(x, step.out_channels)))
        return self.maxpool(x) if step.pool else x

    def init_weights(self) -> None:
        """Initialise; with ``zero_init_residual`` each block starts as its shortcut."""
        super().init_weights()
        if self.zero_init_residual and not _is_pretrained(self.init_cfg):
            for module in self.modules():
                if isinstance(module, ResidualBlock):
                    constant_init(getattr(module, module.last_norm), 0)


def _space_of(arch: Arch, family_options: dict[str, Any]) -> SearchSpace:
    """The space of one arch; it checks the arch and the options."""
    stages = [[1]] * len(family_options.get('strides', ResNetFamily.strides))
    form = dict(
        name='subnet',
        family=dict(type='resnet', **family_options),
        choices=dict(stem_width=[1], width=stages, depth=stages),
    )
    return get_space(form).only(arch)


def _is_pretrained(init_cfg: dict | list[dict] | None) -> bool:
    cfgs = [init_cfg] if isinstance(init_cfg, dict) else init_cfg or []
    return any(cfg['type'] == 'Pretrained' for cfg in cfgs)


@MODELS.register_module()
class SubnetResNet(_ResNet, SubnetBackbone):
    """The static ResNet of one arch: what an extracted checkpoint loads into.

    Args:
        arch: ``dict(stem_width=, width=[...], depth=[...])``.
        out_indices: Stages whose outputs are returned. Defaults to the last of four.
        frozen_stages: Stages up to this one do not train; -1 for none. Defaults to -1.
        norm_eval: Keep batch norms in eval mode while training. Defaults to False.
        norm_cfg: Norm layer, as in mmcv. Defaults to BN.
        with_cp: Recompute blocks in the backward pass to save memory. Defaults to False.
        zero_init_residual: Start each block as its shortcut. Defaults to False.
        init_cfg: Initialisation; Kaiming convolutions by default.
        family_options: ``block``, ``stem``, ``in_channels``, ``style``, ``strides``,
            ``dilations`` and ``contract_dilation``, see ``ResNetFamily``.

    Raises:
        UserError: If an argument is out of range, or weights of another arch are loaded.
    """

    def __init__(
        self,
        arch: Arch,
        out_indices: tuple[int, ...] = (3,),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        norm_cfg: dict[str, Any] | None = None,
        with_cp: bool = False,
        zero_init_residual: bool = False,
        init_cfg: dict | list[dict] | None = None,
        **family_options,
    ) -> None:
        norm_cfg = norm_cfg or dict(type='BN')
        space = _space_of(arch, family_options)
        super().__init__(
            space.max,
            path=space.path(space.max),
            out_indices=out_indices,
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            with_cp=with_cp,
            init_cfg=init_cfg or INIT_CFG,
        )
        self.zero_init_residual = zero_init_residual
        self._add_layers(space.family, StaticConv2d, lambda n: build_norm_layer(norm_cfg, n)[1])


@MODELS.register_module()
class DynamicResNet(_ResNet, DynamicBackbone):
    """A ResNet supernet.

    Args:
        space: A space of the ``resnet`` family: its name, its data or a ``SearchSpace``.
        norm_cfg: ``dict(type='BN')`` or ``dict(type='SyncBN')``. Defaults to BN.
        zero_init_residual: Start each block as its shortcut. Defaults to False.
        out_indices, frozen_stages, norm_eval, with_cp, init_cfg: As for ``SubnetResNet``.
        family_options: Options that replace the space's own, e.g. ``style='caffe'``.

    Raises:
        UserError: If the space, an option or the norm is unknown or unfit.
    """

    subnet_type = SubnetResNet

    def __init__(
        self,
        space: str | dict | SearchSpace,
        out_indices: tuple[int, ...] = (3,),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        norm_cfg: dict[str, Any] | None = None,
        with_cp: bool = False,
        zero_init_residual: bool = False,
        init_cfg: dict | list[dict] | None = None,
        **family_options,
    ) -> None:
        norm_cfg = dict(norm_cfg or dict(type='BN'))
        if norm_cfg['type'] not in DYNAMIC_NORMS:
            raise UserError(
                f'norm_cfg.type: {norm_cfg["type"]!r} is not one of {list(DYNAMIC_NORMS)}'
            )
        if unknown := sorted(norm_cfg.keys() - {'type', 'momentum', 'requires_grad'}):
            # subnets, and the configs that use them, have mmcv's own eps
            raise UserError(
                f'norm_cfg.{unknown[0]}: a supernet takes type, momentum and requires_grad only'
            )
        norm_cfg['type'] = DYNAMIC_NORMS[norm_cfg['type']]
        super().__init__(
            get_space(space).with_options(**family_options),
            out_indices=out_indices,
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            with_cp=with_cp,
            init_cfg=init_cfg or INIT_CFG,
        )
        self.zero_init_residual = zero_init_residual
        self._add_layers(
            self.space.family, DynamicConv2d, lambda n: build_norm_layer(norm_cfg, n)[1]
        )
