"""Initialise, read, compare, load and hash weights."""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn as nn
from mmengine.logging import MMLogger
from mmengine.model import BaseModule
from torch import Tensor

from .checkpoint import load_checkpoint
from .errors import UserError


def read_weights(checkpoint: str, prefix: str = '') -> dict[str, Tensor]:
    """Read the weights of a checkpoint, inside a ``state_dict`` or not.

    Args:
        checkpoint: Path of the checkpoint.
        prefix: Read only keys that start so, and strip it off them. Defaults to all keys.

    Raises:
        UserError: If the file cannot be read, or has no such weights.
    """
    return select_weights(load_checkpoint(checkpoint), checkpoint, prefix)


def select_weights(content: Any, checkpoint: str, prefix: str = '') -> dict[str, Tensor]:
    """Select the weights of what a checkpoint holds, see ``read_weights``.

    Args:
        content: What it holds.
        checkpoint: Its path, for the message.
        prefix: Select only keys that start so, and strip it off them. Defaults to all keys.

    Raises:
        UserError: If it has no such weights.
    """
    weights = content.get('state_dict', content) if isinstance(content, Mapping) else {}
    named = {str(key): v for key, v in weights.items()} if isinstance(weights, Mapping) else {}
    chosen = {k.removeprefix(prefix): v for k, v in named.items() if k.startswith(prefix)}
    if not chosen:
        raise UserError(f'checkpoint: {checkpoint} has no {f"{prefix}* " if prefix else ""}weights')
    return chosen


@contextmanager
def quiet_logger() -> Iterator[None]:
    """Let MMEngine log nothing but warnings."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def init_quietly(module: BaseModule) -> None:
    """Initialise weights without MMEngine's log, which has several lines for each of them."""
    logger = MMLogger.get_current_instance()
    # MMEngine writes to the stream of a file's handler whatever the level
    others = [each for each in logger.handlers if not isinstance(each, logging.FileHandler)]
    with quiet_logger(), patch.object(logger, 'handlers', others):
        module.init_weights()


def load_into(
    module: nn.Module,
    checkpoint: str,
    prefix: str = '',
    mismatch: str = 'is of another model or space than the config',
    fix: str = 'give the config that trained it',
) -> None:
    """Load all weights of a module from a checkpoint.

    Args:
        module: The module; it stays as it is if anything is wrong.
        checkpoint: Path of the checkpoint.
        prefix: Prefix of the module's keys in the checkpoint. Defaults to none.
        mismatch: The message's verdict if keys or shapes differ.
        fix: The message's advice if they differ.

    Raises:
        UserError: If the file cannot be read, its weights are another module's, or they are not
            finite.
    """
    weights = read_weights(checkpoint, prefix)
    check_weights(module.state_dict(), weights, f'checkpoint: {checkpoint} {mismatch}', fix)
    diverged = [key for key, value in weights.items() if not value.isfinite().all()]
    if diverged:
        raise UserError(
            f'checkpoint: {checkpoint} has weights that are not finite (first: '
            f'{prefix}{diverged[0]}); its training diverged'
        )
    module.load_state_dict(weights)


def check_weights(
    own: Mapping[str, Tensor], given: Mapping[str, Any], mismatch: str, fix: str
) -> None:
    """Check that weights fit a module.

    Args:
        own: The module's state dict.
        given: The weights to load.
        mismatch: The message's beginning if keys or shapes differ.
        fix: The message's advice if they differ.

    Raises:
        UserError: If they differ in keys or shapes.
    """
    if found := key_differences(own, given):
        raise UserError(f'{mismatch}: {describe(found)} of {len(own)} weights; {fix}')


def key_differences(own: Mapping[str, Tensor], given: Mapping[str, Any]) -> dict[str, list[str]]:
    """Compare given weights with a module's by keys and shapes.

    Args:
        own: The module's state dict.
        given: The weights to load.

    Returns:
        Sorted keys by kind, ``missing``, ``unexpected`` and ``misshaped``; kinds without keys are
        left out. Values that are not tensors are misshaped.
    """
    shapes, others = (
        {k: v.shape if isinstance(v, Tensor) else None for k, v in weights.items()}
        for weights in (own, given)
    )
    found = dict(
        missing=shapes.keys() - others.keys(),
        unexpected=others.keys() - shapes.keys(),
        misshaped={k for k in shapes.keys() & others.keys() if shapes[k] != others[k]},
    )
    return {kind: sorted(keys) for kind, keys in found.items() if keys}


def describe(found: Mapping[str, list[str]]) -> str:
    """Describe differences: ``2 missing (first: conv1.weight), 1 misshaped (first: ...)``."""
    return ', '.join(f'{len(keys)} {kind} (first: {keys[0]})' for kind, keys in found.items())


def weights_digest(module: nn.Module) -> str:
    """Compute the SHA-256 of a module's parameters and buffers, in hexadecimal."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
