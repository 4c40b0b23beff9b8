"""Comparing the weights that are there with those that are wanted."""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor


def differences(own: Mapping[str, Tensor], given: Mapping[str, Any]) -> dict[str, list[str]]:
    """How given weights differ from a module's in keys and shapes.

    Args:
        own: The module's state dict.
        given: The weights to load.

    Returns:
        Sorted keys by kind, ``missing``, ``unexpected`` and ``misshaped``; no kind without keys.
    """
    shapes = {key: tuple(value.shape) for key, value in own.items()}
    others = {key: tuple(getattr(value, 'shape', ())) for key, value in given.items()}
    found = dict(
        missing=shapes.keys() - others.keys(),
        unexpected=others.keys() - shapes.keys(),
        misshaped={k for k in shapes.keys() & others.keys() if shapes[k] != others[k]},
    )
    return {kind: sorted(keys) for kind, keys in found.items() if keys}


def describe(found: Mapping[str, list[str]]) -> str:
    """Differences in words: ``2 missing (first: conv1.weight), 1 misshaped (first: ...)``."""
    return ', '.join(f'{len(keys)} {kind} (first: {keys[0]})' for kind, keys in found.items())


def weights_digest(module: nn.Module) -> str:
    """The SHA-256 of a module's parameters and buffers, in hexadecimal."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
