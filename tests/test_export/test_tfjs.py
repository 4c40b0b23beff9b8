"""Weights of Keras models in the files of TensorFlow.js."""

import json

import numpy as np
import pytest

from gaia_ssl.export.tfjs import read_tfjs
from gaia_ssl.utils import UserError

from .keras_files import small_resnet, write


def test_every_array_is_read_across_the_ends_of_files(tmp_path):
    layers = small_resnet(tmp_path)
    assert len(list(tmp_path.glob('group1-shard*.bin'))) > 10
    for path in (tmp_path, tmp_path / 'model.json'):
        model = read_tfjs(str(path))
        assert list(model.layers) == [config['name'] for config, _ in layers]
        expected = {
            f'{config["name"]}/{name}': array
            for config, weights in layers
            for name, array in weights.items()
        }
        assert model.weights.keys() == expected.keys()
        for name, array in expected.items():
            assert np.array_equal(model.weights[name].numpy(), array.astype('float32'))


def test_several_groups(tmp_path):
    one = write(tmp_path, [(dict(name='a'), dict(kernel=np.ones((2, 3))))])
    (tmp_path / 'second.bin').write_bytes(np.full(2, 7, '<f4').tobytes())
    entry = dict(name='b/bias', shape=[2], dtype='float32')
    one['weightsManifest'].append(dict(paths=['second.bin'], weights=[entry]))
    (tmp_path / 'model.json').write_text(json.dumps(one))
    assert read_tfjs(str(tmp_path)).weights['b/bias'].tolist() == [7, 7]


def test_what_is_not_such_a_model(tmp_path):
    with pytest.raises(UserError, match='keras: .*model.json does not exist; give a folder'):
        read_tfjs(str(tmp_path))
    for text in ('no json', '{"format": "graph-model"}', '[]'):
        (tmp_path / 'model.json').write_text(text)
        with pytest.raises(UserError, match='keras: .*model.json is not a Keras model of Tensor'):
            read_tfjs(str(tmp_path))


def test_files_that_are_missing_or_cut_off(tmp_path):
    small_resnet(tmp_path)
    last = max(tmp_path.glob('*.bin'), key=lambda path: int(path.name[12:].split('of')[0]))
    content = last.read_bytes()
    last.write_bytes(content[:-4])
    with pytest.raises(UserError, match='keras: the files of .*model.json end inside .*; copy'):
        read_tfjs(str(tmp_path))
    last.unlink()
    with pytest.raises(UserError, match=f'keras: .*{last.name} does not exist; copy all files'):
        read_tfjs(str(tmp_path))


def test_quantized_weights(tmp_path):
    model = write(tmp_path, [(dict(name='a'), dict(kernel=np.ones((2, 3))))])
    model['weightsManifest'][0]['weights'][0]['dtype'] = 'uint8'
    (tmp_path / 'model.json').write_text(json.dumps(model))
    with pytest.raises(UserError, match='keras: a/kernel in .* is quantized or not float32'):
        read_tfjs(str(tmp_path))
