"""The data preprocessor of a training config."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config


def preprocessor_options(config: Config) -> dict[str, Any]:
    """Find the config of the data preprocessor where MMEngine's Runner does.

    That is in the model, else at the top level.
    """
    return with_type(config.model.get('data_preprocessor') or config.get('data_preprocessor'))


def with_type(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """A data preprocessor's config; without a type it is mmpretrain's for self-supervision."""
    return {'type': 'mmpretrain.SelfSupDataPreprocessor', **(options or {})}
