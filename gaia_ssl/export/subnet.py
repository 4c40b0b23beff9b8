"""What is known of a subnet that is being extracted, as plain data."""

from dataclasses import dataclass, fields
from typing import Any

from mmengine.config import Config

from gaia_ssl.space import Arch, Family
from gaia_ssl.utils.preprocessor import preprocessor_options

from .shapes import Shape, pyramid, stage_shapes


@dataclass(frozen=True)
class Normalisation:
    """How pretraining normalised images.

    Args:
        mean: Per channel, on the scale 0 to 255; None if images were not normalised.
        std: Likewise.
        to_rgb: Whether images were turned from BGR, as OpenCV loads them, to RGB.
    """

    mean: list[float] | None
    std: list[float] | None
    to_rgb: bool

    @classmethod
    def of(cls, config: Config) -> 'Normalisation':
        """That of a pretraining config."""
        options = preprocessor_options(config)
        mean, std = options.get('mean'), options.get('std')
        return cls(
            mean=None if mean is None else list(mean),
            std=None if std is None else list(std),
            to_rgb=bool(options.get('to_rgb', options.get('bgr_to_rgb', False))),
        )


@dataclass(frozen=True)
class Subnet:
    """A subnet as configs need to know it.

    Args:
        type: Registered name of its backbone, e.g. ``'SubnetResNet'``.
        arch: Its arch.
        family: The family with the options that all archs of the space share.
        normalisation: How its pretraining normalised images.
    """

    type: str
    arch: Arch
    family: Family
    normalisation: Normalisation

    @property
    def shapes(self) -> list[Shape]:
        """The shape of each stage's output."""
        return stage_shapes(self.family, self.arch)

    @property
    def pyramid(self) -> dict[int, Shape]:
        """The stages that a feature pyramid is built on, finest first, and their shapes."""
        shapes = self.shapes
        return {stage: shapes[stage] for stage in pyramid(shapes)}

    def family_options(self, **changes: Any) -> dict[str, Any]:
        """The family's options, some of them changed, that are not its defaults."""
        options = {**vars(self.family), **changes}
        return {
            f.name: options[f.name] for f in fields(self.family) if options[f.name] != f.default
        }
