"""Expand a pretrained network into a larger supernet whose largest subnet computes the same."""

from typing import cast

import torch
import torch.nn as nn
from torch import Tensor

from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.models.layers import kernel_dims, part_of

from .streams import Stream, streams_of


@torch.no_grad()
def fill(backbone: DynamicBackbone, weights: dict[str, Tensor]) -> None:
    """Fill a supernet with a network's weights, in place: first channels, first blocks.

    What is new is silent for what is old, and can learn from the first iteration: weights of old
    channels that read new ones are zero, as are the rims of larger kernels; the weights of new
    channels stay as they were initialised; the residual branch of a new block ends with a factor
    of zero; a projection that the network lacks is the identity (in eval mode).

    Args:
        backbone: The supernet, initialised.
        weights: A network's state dict that fits into it, see ``fit``.
    """
    own = backbone.state_dict()  # shares memory with the backbone
    for key, weight in weights.items():
        owner, _, name = key.rpartition('.')
        dims = kernel_dims(backbone.get_submodule(owner), name)
        if dims:
            own[key][: len(weight)] = 0
        part_of(own[key], weight.shape, dims).copy_(weight)
    for stream in streams_of(backbone.space.family, backbone.space.max):
        _silence(backbone, stream, weights)


def _silence(backbone: DynamicBackbone, stream: Stream, weights: dict[str, Tensor]) -> None:
    """Let the new writers of an old stream add nothing to its old channels."""
    old = [f'{conv}.weight' for conv, _ in stream.writers if f'{conv}.weight' in weights]
    if not old or len(old) == len(stream.writers):
        return
    width = len(weights[old[0]])
    for conv, norm in stream.writers:
        if f'{conv}.weight' in weights:
            continue
        layer = cast(nn.BatchNorm2d, backbone.get_submodule(norm))
        if conv.endswith('downsample.0'):
            _become_identity(cast(nn.Conv2d, backbone.get_submodule(conv)), layer, width)
        else:
            nn.init.zeros_(layer.weight)


def _become_identity(conv: nn.Conv2d, norm: nn.BatchNorm2d, width: int) -> None:
    """Let a new projection and its norm copy the old channels, in eval mode."""
    conv.weight[:width] = 0
    conv.weight[:width, :width, 0, 0].fill_diagonal_(1)
    assert norm.running_var is not None
    norm.weight[:width] = (norm.running_var[:width] + norm.eps).sqrt()
