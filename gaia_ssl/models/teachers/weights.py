"""Load the weights of a teacher network, all of them or none."""

import os.path as osp
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import torch.nn as nn
from mmengine.runner import CheckpointLoader
from torch import Tensor

from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import load_checkpoint
from gaia_ssl.utils.weights import describe, key_differences, select_weights

from .normalisation import Normalisation

FIELD = 'model.teacher'


class Pretrained(NamedTuple):
    """A checkpoint with a network's weights.

    Attributes:
        file: Its path or address, as MMEngine takes it.
        prefix: Prefix of the network's keys in it, with or without the dot; may be empty.
        content: What it holds.
    """

    file: str
    prefix: str
    content: Any

    @property
    def meta(self) -> dict[str, Any]:
        """Its description of the network, as converters and extraction write it."""
        meta = self.content.get('meta') if isinstance(self.content, Mapping) else None
        return meta if isinstance(meta, dict) else {}

    @property
    def style(self) -> str | None:
        """The style of its ResNet, ``'caffe'`` or ``'pytorch'``; None if it does not tell."""
        family = self.meta.get('family')  # as extraction writes it
        return self.meta.get('style') or (family.get('style') if isinstance(family, dict) else None)

    @property
    def normalisation(self) -> Normalisation | None:
        """The normalisation of the images it was trained on; None if it does not tell."""
        told = self.meta.get('normalisation')
        return None if told is None else Normalisation.of(told)


def read_pretrained(init_cfg: Any) -> Pretrained:
    """Read the checkpoint that MMEngine's ``init_cfg`` names.

    Raises:
        UserError: If it does not name a checkpoint, so that the weights would be random, or the
            file cannot be read.
    """
    options = init_cfg if isinstance(init_cfg, Mapping) else {}
    if options.get('type') != 'Pretrained' or not options.get('checkpoint'):
        raise UserError(
            f'{FIELD}.init_cfg: {init_cfg!r} names no checkpoint, and a teacher with random '
            "weights teaches nothing; give dict(type='Pretrained', checkpoint=FILE)"
        )
    file = options['checkpoint']
    return Pretrained(file, options.get('prefix') or '', _read(file))


def read_plain(init_cfg: Any) -> Pretrained:
    """Read the checkpoint of a network that has no choice of style, see ``read_pretrained``.

    Raises:
        UserError: As there, or if its weights are in caffe style, which have the same shapes.
    """
    pretrained = read_pretrained(init_cfg)
    if pretrained.style not in (None, 'pytorch'):
        raise UserError(
            f'{FIELD}.type: {pretrained.file} is in {pretrained.style} style, which this network '
            "does not have; give type='mmpretrain.ResNet'"
        )
    return pretrained


def load_weights(module: nn.Module, pretrained: Pretrained) -> None:
    """Load all weights of a network.

    The checkpoint may hold more, such as a classifier, but no further layers of the network's own
    sequences: those are a deeper network's.

    Args:
        module: The network.
        pretrained: The checkpoint.

    Raises:
        UserError: If its weights are another network's, or they are not finite.
    """
    checkpoint, prefix, content = pretrained
    prefix = f'{prefix.rstrip(".")}.' if prefix else ''
    weights = select_weights(content, checkpoint, prefix)
    if all(key.startswith('module.') for key in weights):  # saved inside a wrapper
        weights = {key.removeprefix('module.'): value for key, value in weights.items()}
    own = {k: v for k, v in module.state_dict().items() if not k.endswith('num_batches_tracked')}
    parts = {'.'.join(names[:end]) for names in map(_split, own) for end in range(len(names) + 1)}
    given = {k: v for k, v in weights.items() if k in own or _is_further_layer(k, parts)}
    try:
        # strictness is checked below: a network may adapt weights while they are loaded, as those
        # of positions for another image size
        missing = [k for k in module.load_state_dict(given, strict=False).missing_keys if k in own]
    except (RuntimeError, UserError):  # a wrong shape, or a network that is strict itself
        missing = list(own)
    extra = given.keys() - own.keys()
    if missing or extra:
        hint = _prefix_in(weights, own)
        raise UserError(
            f'{FIELD}.init_cfg: {checkpoint} does not fit the teacher: '
            f'{describe(key_differences(own, given))} of {len(own)} weights; '
            + (f'give prefix={hint!r}' if hint else 'give the weights of this network')
        )
    if diverged := [key for key in own if not module.state_dict()[key].isfinite().all()]:
        raise UserError(
            f'{FIELD}.init_cfg: {checkpoint} has weights that are not finite (first: {diverged[0]})'
        )


def _read(checkpoint: str) -> Any:
    if checkpoint.endswith('.safetensors') and osp.isfile(checkpoint):
        return load_checkpoint(checkpoint)
    return CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu', logger='silent')


def _split(key: str) -> list[str]:
    return key.split('.')


def _is_further_layer(key: str, parts: Collection[str]) -> bool:
    """Tell a layer that continues a sequence of a network's own, such as ``layer3.6``."""
    names = _split(key)
    for end, name in enumerate(names[1:], 1):
        if '.'.join(names[: end + 1]) not in parts:
            return '.'.join(names[:end]) in parts and name.isdigit()
    return False


def _prefix_in(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str | None:
    """Find the prefix under which a checkpoint holds all of a network's weights."""
    first = next(iter(own), '')
    prefixes = [key.removesuffix(first) for key in weights if key.endswith(first)]
    fitting = (p for p in prefixes if p and all(p + key in weights for key in own))
    return next(fitting, None)
