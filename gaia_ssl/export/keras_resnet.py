"""Convert Keras' first ResNet-50, which came from Caffe, to torchvision's names and layout."""

import re

import torch
from torch import Tensor

from gaia_ssl.export.pretrained.resnet import fold_biases
from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import save_checkpoint

from .tfjs import KerasModel, read_tfjs

# pixels of 0 to 255 in the order BGR; keras.applications.imagenet_utils, mode 'caffe'
NORMALISATION = dict(mean=[103.939, 116.779, 123.68], std=[1.0, 1.0, 1.0], to_rgb=False)
EPS = 1e-5  # of the batch norms here and in torchvision
_BATCH_NORM = dict(
    gamma='weight', beta='bias', moving_mean='running_mean', moving_variance='running_var'
)
_BRANCH = {'2a': '1', '2b': '2', '2c': '3'}


def keras_to_torchvision(folder: str, out: str) -> int:
    """Write a ResNet of Keras that was saved for TensorFlow.js as a checkpoint.

    The names of its layers are the old ones, ``res2a_branch2a`` and ``bn_conv1``. Its batch norms'
    epsilon becomes part of their variances, and the biases of its convolutions part of their means,
    so that the network computes the same in eval mode with torchvision's layers. The checkpoint's
    ``meta`` says that it is in caffe style and for which normalisation.

    Args:
        folder: The folder of ``model.json``.
        out: The checkpoint to write.

    Returns:
        The number of weights.

    Raises:
        UserError: If the files cannot be read or are of another network.
    """
    weights, style = convert(read_tfjs(folder), folder)
    meta = dict(style=style, normalisation=NORMALISATION, converted_from=folder)
    save_checkpoint(dict(state_dict=weights, meta=meta), out)
    return len(weights)


def convert(model: KerasModel, name: str) -> tuple[dict[str, Tensor], str]:
    """Convert the weights of a ResNet of bottlenecks.

    Args:
        model: The model.
        name: Its name in messages.

    Returns:
        The state dict with torchvision's names, and ``'caffe'`` or ``'pytorch'``: the convolution
        of a block that strides.

    Raises:
        UserError: If it has layers that such a ResNet lacks.
    """
    converted: dict[str, Tensor] = {}
    for key, weight in model.weights.items():
        layer, _, kind = key.rpartition('/')
        ours, kind = _layer_of(layer), _BATCH_NORM.get(kind, kind)
        if ours is None or layer not in model.layers:
            raise UserError(f"keras: {name} has a layer {layer!r}, which Keras' ResNet-50 lacks")
        if kind == 'running_var':
            weight = weight + (model.layers[layer]['epsilon'] - EPS)
        elif kind == 'kernel':
            # (h, w, in, out) -> (out, in, h, w); of the classifier (in, out) -> (out, in)
            weight, kind = weight.permute(3, 2, 0, 1) if weight.dim() == 4 else weight.T, 'weight'
        converted[f'{ours}.{kind}'] = weight.contiguous()
    for key in [key for key in converted if key.endswith('.running_mean')]:
        counter = key.replace('running_mean', 'num_batches_tracked')
        converted[counter] = torch.tensor(0)
    first = model.layers.get('res3a_branch2a', {}).get('strides', [1])
    return fold_biases(converted), 'caffe' if max(first) > 1 else 'pytorch'


def _layer_of(keras: str) -> str | None:
    """Torchvision's name of a layer: ``layer1.0.conv1`` of ``res2a_branch2a``, or None."""
    fixed = dict(conv1='conv1', bn_conv1='bn1', fc1000='fc')
    if keras in fixed:
        return fixed[keras]
    match = re.fullmatch(r'(res|bn)(\d)([a-z]|b\d+)_branch(1|2[abc])', keras)
    if not match:
        return None
    kind, stage, block, branch = match.groups()
    place = int(block[1:]) if len(block) > 1 else ord(block) - ord('a')
    if branch == '1':
        layer = f'downsample.{0 if kind == "res" else 1}'
    else:
        layer = ('conv' if kind == 'res' else 'bn') + _BRANCH[branch]
    return f'layer{int(stage) - 1}.{place}.{layer}'
