"""Read the image size and transforms of a training config's ``search`` section."""

from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from .images import default_pipeline


@dataclass(frozen=True)
class SearchDefaults:
    """Size and transforms of the images that subnets are searched, costed and evaluated on.

    Args:
        input_size: Side of the images in pixels.
        transforms: Configs of the transforms, from loading to packing. Defaults to
            ``default_pipeline`` for that size.
    """

    input_size: int
    transforms: list[dict[str, Any]] | None = None

    @classmethod
    def of(cls, config: Config, input_size: int | None = None) -> 'SearchDefaults':
        """Read them from a config.

        Args:
            config: A training config; its ``search`` may hold ``input_size`` and ``pipeline``.
            input_size: A size that takes precedence over the config's; without either it is 224.
        """
        section = config.get('search') or {}
        if input_size is None:
            input_size = section.get('input_size', 224)
        return cls(input_size, section.get('pipeline'))

    @property
    def pipeline(self) -> list[dict[str, Any]]:
        """The configs of the transforms."""
        return self.transforms or default_pipeline(self.input_size)
