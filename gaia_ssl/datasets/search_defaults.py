"""Read the image size and transforms of a training config's ``search`` section."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from gaia_ssl.utils import UserError
from gaia_ssl.utils.validation import check_keys

from .images import default_pipeline

KEYS = ('input_size', 'pipeline')


@dataclass(frozen=True)
class SearchDefaults:
    """Size and transforms of the images that subnets are searched, costed and evaluated on.

    Args:
        input_size: Side of the images in pixels.
        transforms: Configs of the transforms, from loading to packing. Defaults to
            ``default_pipeline`` for that size.
    """

    input_size: int
    transforms: Sequence[dict[str, Any]] | None = None

    @classmethod
    def of(cls, config: Config, input_size: int | None = None) -> 'SearchDefaults':
        """Read them from a config.

        Args:
            config: A training config; its ``search`` may hold ``input_size`` and ``pipeline``.
            input_size: A size that takes precedence over the config's; without either it is 224.

        Raises:
            UserError: If a setting of ``search`` is unknown or of the wrong type.
        """
        section = config.get('search') or {}
        check_keys(section, KEYS, 'search')
        size, pipeline = section.get('input_size', 224), section.get('pipeline')
        if not isinstance(size, int) or size < 1:
            raise UserError(
                f'search.input_size: {size!r} is not a size in pixels; give a positive whole number'
            )
        if pipeline is not None and not (
            isinstance(pipeline, list | tuple) and all(isinstance(each, dict) for each in pipeline)
        ):
            raise UserError(f'search.pipeline: {pipeline!r} is not a list of transforms; give one')
        return cls(size if input_size is None else input_size, pipeline)

    @property
    def pipeline(self) -> Sequence[dict[str, Any]]:
        """The configs of the transforms."""
        return self.transforms or default_pipeline(self.input_size)
