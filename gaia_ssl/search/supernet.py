"""A trained supernet from its config and checkpoint."""

import torch.nn as nn
from mmengine.config import Config

from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError, building
from gaia_ssl.utils.checkpoint import load_checkpoint
from gaia_ssl.utils.weights import describe, differences


def load_supernet(config: Config, checkpoint: str) -> nn.Module:
    """Build a config's self-supervised model and load its weights, all of them.

    Args:
        config: The training config.
        checkpoint: Path of a checkpoint of that training.

    Raises:
        UserError: If the config has no supernet, or the checkpoint is missing or damaged, is of
            another model or space, or has weights that are not finite.
    """
    weights = load_checkpoint(checkpoint)
    weights = weights.get('state_dict', weights) if isinstance(weights, dict) else {}
    model = build_supernet(config)
    own = model.state_dict()
    if found := differences(own, weights):
        raise UserError(
            f'checkpoint: {checkpoint} is of another model or space than the config: '
            f'{describe(found)} of {len(own)} weights; give the config that trained it'
        )
    diverged = [key for key, value in weights.items() if not value.isfinite().all()]
    if diverged:
        raise UserError(
            f'checkpoint: {checkpoint} has weights that are not finite (first: {diverged[0]}); its '
            'training diverged'
        )
    model.load_state_dict(weights)
    return model.eval()


def build_supernet(config: Config) -> nn.Module:
    """Build a config's self-supervised model, untrained.

    Raises:
        UserError: If it has no supernet, or settings that do not fit it.
    """
    # registers the methods; they need mmpretrain, which nothing else here does
    import gaia_ssl.models.selfsup  # noqa: F401

    advice = f'config: {config.filename} has no supernet to search; give its training config'
    if 'model' not in config:
        raise UserError(advice)
    with building('model'):
        options = dict(config.model)
        if 'data_preprocessor' in config:  # where the Runner takes it from, too
            options.setdefault('data_preprocessor', config.data_preprocessor)
        model = MODELS.build(options)
    student = getattr(model, 'student', None)
    if student is None or not isinstance(student[0], DynamicBackbone):
        raise UserError(advice)
    return model
