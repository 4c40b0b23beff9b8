"""Read the config of a training's data preprocessor."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config


def preprocessor_options(config: Config) -> dict[str, Any]:
    """The config of the data preprocessor, with its type; see ``stated_preprocessor``."""
    return with_type(stated_preprocessor(config))


def stated_preprocessor(config: Config) -> dict[str, Any] | None:
    """The data preprocessor where MMEngine's Runner finds it: in the model, or at the top level."""
    return config.model.get('data_preprocessor') or config.get('data_preprocessor')


def with_type(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """A data preprocessor's config; without a type it is mmpretrain's for self-supervision."""
    return {'type': 'mmpretrain.SelfSupDataPreprocessor', **(options or {})}
