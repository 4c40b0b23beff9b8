"""How a pretraining preprocesses its images."""

from typing import Any

from mmengine.config import Config


def preprocessor_options(config: Config) -> dict[str, Any]:
    """The config of the data preprocessor, wherever MMEngine's Runner would find it.

    That is in the model, else at the top level; without a type it is mmpretrain's for
    self-supervision.
    """
    options = config.model.get('data_preprocessor') or config.get('data_preprocessor') or {}
    return {'type': 'mmpretrain.SelfSupDataPreprocessor', **options}
