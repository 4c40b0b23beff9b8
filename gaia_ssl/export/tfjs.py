"""Read the weights of a Keras model that was saved for TensorFlow.js."""

import json
import os.path as osp
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaia_ssl.utils import UserError

MODEL = 'model.json'


class KerasModel(NamedTuple):
    """A Keras model.

    Attributes:
        layers: The config of each layer by its name.
        weights: Weights by the name of the layer and their own, such as ``conv1/kernel``.
    """

    layers: dict[str, dict[str, Any]]
    weights: dict[str, Tensor]


def read_tfjs(folder: str) -> KerasModel:
    """Read a folder with a ``model.json`` of format ``layers-model`` and its weight files.

    Args:
        folder: The folder, or the path of its ``model.json``.

    Raises:
        UserError: If a file is missing or cut off, or it is of another format.
    """
    path = osp.expanduser(folder)
    path = path if path.endswith('.json') else osp.join(path, MODEL)
    if not osp.isfile(path):
        raise UserError(f'keras: {path} does not exist; give a folder with a {MODEL}')
    try:
        with open(path) as file:
            model = json.load(file)
        config = model['modelTopology']['model_config']['config']
        layers = {layer['config']['name']: layer['config'] for layer in config['layers']}
        manifest = [(group['paths'], group['weights']) for group in model['weightsManifest']]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"keras: {path} is not a Keras model of TensorFlow.js, format 'layers-model' "
            f'({type(error).__name__}: {error}); give one'
        ) from error
    weights: dict[str, Tensor] = {}
    for paths, entries in manifest:
        content = b''.join(_read(osp.join(osp.dirname(path), name)) for name in paths)
        weights |= _unpack(content, entries, path)
    return KerasModel(layers, weights)


def _read(path: str) -> bytes:
    if not osp.isfile(path):
        raise UserError(f'keras: {path} does not exist; copy all files of the model')
    with open(path, 'rb') as file:
        return file.read()


def _unpack(content: bytes, entries: list[dict[str, Any]], path: str) -> dict[str, Tensor]:
    """The weights of a group, which stand one after the other in its joined files."""
    weights, start = {}, 0
    for entry in entries:
        name, shape = entry['name'], tuple(entry['shape'])
        if entry['dtype'] != 'float32' or 'quantization' in entry:
            raise UserError(
                f'keras: {name} in {path} is quantized or not float32; convert the model without '
                'quantization'
            )
        size = int(np.prod(shape))
        if start + 4 * size > len(content):
            raise UserError(f'keras: the files of {path} end inside {name}; copy them again')
        values = np.frombuffer(content, '<f4', size, start).reshape(shape)
        weights[name] = torch.from_numpy(values.astype(np.float32))
        start += 4 * size
    return weights
