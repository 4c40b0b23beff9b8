"""Build supernets and their backbones from a training config, and load their weights."""

import torch.nn as nn
from mmengine.config import Config

from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError, building
from gaia_ssl.utils.checkpoint import load_checkpoint
from gaia_ssl.utils.preprocessor import stated_preprocessor
from gaia_ssl.utils.weights import load_into

from .backbones import DynamicBackbone
from .teachers import FrozenEncoder

BACKBONE_PREFIX = 'backbone.'
"""Prefix of the online backbone's weights in mmpretrain's self-supervised models."""


def build_supernet(config: Config) -> nn.Module:
    """Build a config's self-supervised model, untrained.

    Raises:
        UserError: If the config has no supernet, or settings that do not fit it.
    """
    # registers the methods; they need mmpretrain, which nothing else here does
    import gaia_ssl.models.selfsup  # noqa: F401

    advice = f'config: {config.filename} has no supernet; give its training config'
    if 'model' not in config:
        raise UserError(advice)
    with building('model'):
        model = MODELS.build(dict(config.model, data_preprocessor=stated_preprocessor(config)))
    student = getattr(model, 'student', None)
    if student is None or not isinstance(student[0], DynamicBackbone):
        raise UserError(advice)
    return model


def load_supernet(config: Config, checkpoint: str) -> nn.Module:
    """Build a config's self-supervised model and load all of its weights.

    Args:
        config: The training config.
        checkpoint: Path of a checkpoint of that training.

    Returns:
        The model in eval mode.

    Raises:
        UserError: If the config has no supernet, or the checkpoint is missing or damaged, is of
            another model, space or teacher, or has weights that are not finite.
    """
    model = build_supernet(config)
    load_into(model, checkpoint)
    if isinstance(model.teacher, FrozenEncoder):
        meta = load_checkpoint(checkpoint, mmap=True).get('meta', {})
        model.teacher.check_recorded(meta, f'checkpoint: {checkpoint}')
    return model.eval()


def build_supernet_backbone(config: Config) -> DynamicBackbone:
    """Build the backbone of a training config, untrained.

    Raises:
        UserError: If the config has no supernet, or settings that do not fit it.
    """
    name = config.filename or 'config'
    options = config.get('model', {}).get('backbone')
    if not options or 'type' not in options:
        raise UserError(f'config: {name} has no model.backbone; give the training config')
    cls = MODELS.get(options['type']) if isinstance(options['type'], str) else options['type']
    if cls is None:
        raise UserError(f'model.backbone.type: {options["type"]!r} in {name} is unknown')
    if not issubclass(cls, DynamicBackbone):
        raise UserError(
            f'model.backbone.type: {options["type"]} in {name} is not a supernet; give the '
            'training config, which has a dynamic backbone'
        )
    with building('model.backbone'):
        return MODELS.build(options)


def load_supernet_backbone(config: Config, checkpoint: str) -> DynamicBackbone:
    """Build the backbone of a training config and load all of its trained weights.

    Args:
        config: The training config.
        checkpoint: Path of a checkpoint of that training.

    Returns:
        The backbone in eval mode.

    Raises:
        UserError: If the config has no supernet, or the checkpoint is missing, damaged, without a
            backbone, of another space, or has weights that are not finite.
    """
    backbone = build_supernet_backbone(config)
    load_into(
        backbone,
        checkpoint,
        BACKBONE_PREFIX,
        f'is of another space than {backbone.space.name!r} in {config.filename or "config"}',
    )
    return backbone.eval()
