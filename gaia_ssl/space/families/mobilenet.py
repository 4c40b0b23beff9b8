"""MobileNets as paths of steps: MobileNetV2's inverted residuals (Sandler et al., CVPR 2018)."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from gaia_ssl.utils.errors import UserError

from .base import Arch, Cost, Size
from .conv import ConvFamily, Stem
from .costs import conv_norm, nbytes


class InvertedBlock(NamedTuple):
    """One inverted residual: expand, convolve each channel, project.

    Attributes:
        name: Path of its module, e.g. ``layer3.1``.
        out_channels: Channels of its output.
        hidden: Channels of its depthwise convolution.
        kernel: Kernel of its depthwise convolution.
        stride: Stride of its depthwise convolution.
        dilation: Dilation of its depthwise convolution.
        expand: True if a 1x1 convolution comes first, as with an expansion above 1.
        residual: True if its input is added to its output.
    """

    name: str
    out_channels: int
    hidden: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    expand: bool = True
    residual: bool = True


@dataclass(frozen=True)
class MobileNetFamily(ConvFamily[InvertedBlock]):
    """Options that all MobileNets of a space share; the defaults are MobileNetV2's seven stages.

    Args:
        stem_stride: Stride of the 3x3 stem.
        in_channels: See ``ConvFamily``.
        strides: See ``ConvFamily``.
        dilations: See ``ConvFamily``.
        contract_dilation: See ``ConvFamily``.
    """

    stage_fields: ClassVar[tuple[str, ...]] = ('width', 'depth', 'kernel', 'expansion')

    strides: tuple[int, ...] = (1, 2, 2, 2, 1, 2, 1)
    dilations: tuple[int, ...] = (1, 1, 1, 1, 1, 1, 1)
    stem_stride: int = 2

    def out_channels(self, width: int) -> int:
        """Channels that a stage of this width puts out."""
        return width

    def check(self, choices: dict[str, Any]) -> None:
        """Check that MAX uses every weight: see ``Family.check``."""
        super().check(choices)
        for values in choices['expansion']:
            if values[0] == 1 < values[-1]:
                raise UserError(
                    f'expansion: {list(values)} mixes 1, which has no expanding convolution, with '
                    'more, which have one; give a stage either'
                )

    def check_arch(self, arch: Arch) -> None:
        """Check that kernels have a centre: see ``Family.check_arch``."""
        for kernel in arch['kernel']:
            if kernel % 2 == 0:
                raise UserError(f'arch.kernel: {kernel} is even; kernels are odd')

    def stem_step(self, width: int) -> Stem:
        """The stem of this width."""
        return Stem('stem', width, kernel=3, stride=self.stem_stride)

    def blocks(
        self, stage: int, in_channels: int, width: int, depth: int, kernel: int, expansion: int
    ) -> tuple[InvertedBlock, ...]:
        """The blocks of a stage."""
        dilation = self.dilations[stage]
        first = InvertedBlock(
            f'layer{stage + 1}.0',
            width,
            in_channels * expansion,
            kernel,
            self.strides[stage],
            self.first_dilation(stage),
            expand=expansion > 1,
            # also with equal widths, or where it dilates instead of striding
            residual=False,
        )
        rest = (
            InvertedBlock(
                f'layer{stage + 1}.{i}',
                width,
                width * expansion,
                kernel,
                dilation=dilation,
                expand=expansion > 1,
            )
            for i in range(1, depth)
        )
        return (first, *rest)

    def block_costs(
        self, step: InvertedBlock, in_channels: int, size: Size, out_size: Size
    ) -> list[Cost]:
        """The costs of a block's convolutions."""
        hidden = step.hidden
        waiting = nbytes(in_channels, size) if step.residual else 0
        expand = [conv_norm(in_channels, hidden, 1, size, size)] if step.expand else []
        # without an expansion the depthwise convolution itself reads the shortcut's features
        beside = waiting if step.expand else 0
        return [
            *expand,
            conv_norm(hidden, hidden, step.kernel, size, out_size, hidden, beside),
            conv_norm(hidden, step.out_channels, 1, out_size, out_size, waiting=waiting),
        ]
