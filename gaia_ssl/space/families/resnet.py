"""ResNets (He et al., CVPR 2016) and ResNeXts (Xie et al., CVPR 2017) as paths of steps."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from gaia_ssl.utils.errors import UserError

from .base import Arch, Cost, Field, Size
from .conv import ConvFamily, Stem
from .costs import conv_norm, nbytes


class Block(NamedTuple):
    """One residual block.

    Attributes:
        name: Path of its module, e.g. ``layer3.4``.
        out_channels: Channels of its output.
        width: Channels of its inner convolution(s).
        stride: Stride of the block.
        dilation: Dilation of its first 3x3 convolution (ResNets elsewhere dilate no other).
        projection: True if the shortcut is a 1x1 convolution, as where the shape changes.
        groups: Groups of its 3x3 convolution.
    """

    name: str
    out_channels: int
    width: int
    stride: int = 1
    dilation: int = 1
    projection: bool = False
    groups: int = 1


STEMS: dict[str, dict[str, Any]] = {
    '7x7': dict(kernel=7, stride=2, pool=True),  # ImageNet
    '3x3': dict(kernel=3, stride=1, pool=False),  # 32 px images, as for CIFAR
    '3x3s2': dict(kernel=3, stride=2, pool=True),  # 64-128 px images
}
EXPANSION = {'basic': 1, 'bottleneck': 4}


@dataclass(frozen=True)
class ResNetFamily(ConvFamily[Block]):
    """Options that all ResNets of a space share.

    Args:
        block: ``'bottleneck'`` or ``'basic'``.
        stem: ``'7x7'`` (stride 2, max pool), ``'3x3'`` (stride 1, no pool) or ``'3x3s2'``
            (stride 2, max pool).
        style: The convolution of a strided bottleneck that strides: ``'pytorch'`` the 3x3,
            ``'caffe'`` the first 1x1.
        expansion: Output channels of a block over its width. Defaults to the block's own, 4 for
            bottlenecks and 1 for basic blocks.
        group_widths: Channels per group of each stage's 3x3 convolutions, so that an elastic
            width is an elastic number of groups. Defaults to none: not grouped.
        tied_stem: Let the stem be as wide as the first stage, in place of a ``stem_width`` in the
            arch. ResNet-18 and 34 are: their first block has no projection.
        in_channels: See ``ConvFamily``.
        strides: See ``ConvFamily``.
        dilations: See ``ConvFamily``.
        contract_dilation: See ``ConvFamily``.
    """

    stage_options: ClassVar[tuple[str, ...]] = (*ConvFamily.stage_options, 'group_widths')

    block: str = 'bottleneck'
    stem: str = '7x7'
    style: str = 'pytorch'
    expansion: int | None = None
    group_widths: tuple[int, ...] = ()
    tied_stem: bool = False

    def __post_init__(self):
        super().__post_init__()
        for field, known in dict(block=EXPANSION, stem=STEMS, style=('pytorch', 'caffe')).items():
            if (value := getattr(self, field)) not in known:
                raise UserError(f'{field}: {value!r} is not one of {sorted(known)}')
        if self.expansion is not None and self.expansion < 1:
            raise UserError(f'expansion: {self.expansion} is not a positive number')
        if self.group_widths and self.block == 'basic':
            raise UserError("group_widths: basic blocks are not grouped; take block='bottleneck'")

    def out_channels(self, width: int) -> int:
        """Channels that a stage of this width puts out."""
        return width * (EXPANSION[self.block] if self.expansion is None else self.expansion)

    @property
    def arch_fields(self) -> tuple[str, ...]:  # type: ignore[override]  # depends on an option
        """Fields of an arch that are one number."""
        return () if self.tied_stem else ('stem_width',)

    @property
    def stem_field(self) -> Field:
        """The number of an arch that is the stem's width."""
        return ('width', 0) if self.tied_stem else super().stem_field

    def check(self, choices: dict[str, Any]) -> None:
        """Check that MAX uses every weight: see ``Family.check``."""
        super().check(choices)
        if self.tied_stem:
            return  # all archs have a projection in layer1.0, or none has
        stem, width = choices['stem_width'], choices['width'][0]
        elastic = len(stem) > 1 or len(width) > 1
        same_shape = max(stem) == self.out_channels(max(width)) and self.strides[0] == 1
        if elastic and same_shape:
            raise UserError(
                "stem_width: its largest value equals the first stage's, so MAX has no projection "
                'in layer1.0 but other archs need one; make the largest values differ, or give the '
                'family tied_stem=True and no stem_width'
            )

    def check_arch(self, arch: Arch) -> None:
        """Check that groups are whole: see ``Family.check_arch``."""
        for width, group in zip(arch['width'], self.group_widths):
            if width % group:
                raise UserError(f'arch.width: {width} is not a multiple of its group width {group}')

    def stem_step(self, width: int) -> Stem:
        """The stem of this width."""
        return Stem('stem', width, **STEMS[self.stem])

    def blocks(self, stage: int, in_channels: int, width: int, depth: int) -> tuple[Block, ...]:
        """The blocks of a stage."""
        out_channels = self.out_channels(width)
        stride, dilation = self.strides[stage], self.dilations[stage]
        groups = width // self.group_widths[stage] if self.group_widths else 1
        first = Block(
            f'layer{stage + 1}.0',
            out_channels,
            width,
            stride,
            self.first_dilation(stage),
            # also with equal stride and width: dilating instead of striding keeps the weights
            projection=stage > 0 or stride != 1 or in_channels != out_channels,
            groups=groups,
        )
        rest = (
            Block(f'layer{stage + 1}.{i}', out_channels, width, 1, dilation, groups=groups)
            for i in range(1, depth)
        )
        return (first, *rest)

    def block_costs(self, step: Block, in_channels: int, size: Size, out_size: Size) -> list[Cost]:
        """The costs of a block's convolutions."""
        width, out_channels = step.width, step.out_channels
        # an identity shortcut keeps the input, which the first convolution reads anyway
        projected = nbytes(out_channels, out_size) if step.projection else 0
        waiting = projected or nbytes(in_channels, size)
        if self.block == 'basic':
            costs = [
                conv_norm(in_channels, width, 3, size, out_size, waiting=projected),
                conv_norm(width, out_channels, 3, out_size, out_size, waiting=waiting),
            ]
        else:
            first = out_size if self.style == 'caffe' else size
            costs = [
                conv_norm(in_channels, width, 1, size, first, waiting=projected),
                conv_norm(width, width, 3, first, out_size, step.groups, waiting),
                conv_norm(width, out_channels, 1, out_size, out_size, waiting=waiting),
            ]
        if step.projection:
            costs.append(conv_norm(in_channels, out_channels, 1, size, out_size))
        return costs
