"""Build supernets and their backbones from a training config, and load their weights."""

from typing import Any

import torch.nn as nn
from mmengine.config import Config

from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError, building
from gaia_ssl.utils.checkpoint import load_checkpoint
from gaia_ssl.utils.preprocessor import preprocessor_options, stated_preprocessor
from gaia_ssl.utils.weights import load_into, read_weights

from .backbones import DynamicBackbone
from .teachers import FrozenEncoder

BACKBONE_PREFIX = 'backbone.'
"""Prefix of the online backbone's weights in mmpretrain's self-supervised models."""


WEIGHTS = ('online', 'ema')
"""The weights of a trained encoder: its own, and their moving average, the momentum teacher's."""


def check_kind(weights: str) -> None:
    """Check the name of weights.

    Raises:
        UserError: If it is none of ``WEIGHTS``.
    """
    if weights not in WEIGHTS:
        raise UserError(f'weights: {weights!r} is not one of {", ".join(WEIGHTS)}')


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
    with building('model', config.model):
        model = MODELS.build(dict(config.model, data_preprocessor=stated_preprocessor(config)))
    student = getattr(model, 'student', None)
    if student is None or not isinstance(student[0], DynamicBackbone):
        raise UserError(advice)
    return model


def load_supernet(config: Config, checkpoint: str, weights: str = 'online') -> nn.Module:
    """Build a config's self-supervised model and load all of its weights.

    Args:
        config: The training config.
        checkpoint: Path of a checkpoint of that training.
        weights: The weights of the trained encoder: ``'online'``, or ``'ema'`` for those of the
            momentum teacher. Defaults to ``'online'``.

    Returns:
        The model in eval mode.

    Raises:
        UserError: If the config has no supernet, or the checkpoint is missing or damaged, is of
            another model, space or teacher, or has weights that are not finite, or the method has
            no momentum teacher.
    """
    check_kind(weights)
    model: Any = build_supernet(config)  # with the properties of SupernetSelfSupervisor
    load_into(model, checkpoint)
    if weights == 'ema':
        if not model.has_momentum_teacher:
            raise UserError(f'weights: {type(model).__name__} has no momentum teacher; give online')
        for online, average in zip(model.student, model.teacher, strict=True):
            online.load_state_dict(average.state_dict())
    if isinstance(model.teacher, FrozenEncoder):
        meta = load_checkpoint(checkpoint, mmap=True).get('meta', {})
        model.teacher.teacher.check_recorded(meta, f'checkpoint: {checkpoint}')
    return model.eval()


def build_preprocessor(config: Config) -> nn.Module:
    """Build the data preprocessor of a training config.

    Raises:
        UserError: If its settings do not fit.
    """
    options = preprocessor_options(config)
    with building('model.data_preprocessor', options):
        return MODELS.build(options)


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
    with building('model.backbone', options):
        return MODELS.build(options)


def load_supernet_backbone(
    config: Config, checkpoint: str, weights: str = 'online'
) -> DynamicBackbone:
    """Build the backbone of a training config and load all of its trained weights.

    Args:
        config: The training config.
        checkpoint: Path of a checkpoint of that training.
        weights: See ``load_supernet``.

    Returns:
        The backbone in eval mode.

    Raises:
        UserError: If the config has no supernet, or the checkpoint is missing, damaged, without a
            backbone or a momentum teacher, of another space, or has weights that are not finite.
    """
    check_kind(weights)
    backbone = build_supernet_backbone(config)
    first = next(iter(backbone.state_dict()))
    load_into(
        backbone,
        checkpoint,
        BACKBONE_PREFIX if weights == 'online' else _average_prefix(checkpoint, first),
        f'is of another space than {backbone.space.name!r} in {config.filename or "config"}',
    )
    return backbone.eval()


def _average_prefix(checkpoint: str, first: str) -> str:
    """The prefix of a moving average of the backbone, whose first key is given.

    MMEngine's average of a sequence of backbone and neck has them at ``NAME.module.0`` and ``.1``.
    """
    ending = f'.module.0.{first}'
    found = [key for key in read_weights(checkpoint) if key.endswith(ending)]
    if not found:
        raise UserError(f'weights: {checkpoint} has no momentum teacher; give online')
    return found[0].removesuffix(first)
