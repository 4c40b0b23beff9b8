"""A folder as ``tools/extract.py`` writes it, and photographs."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from gaia_ssl.export import Choice, extract
from gaia_ssl.models.backbones import DynamicResNet

CONFIG = dict(
    model=dict(
        backbone=dict(type='DynamicResNet', space='tiny10to22'),
        data_preprocessor=dict(mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 55.0], to_rgb=True),
    ),
    search=dict(input_size=64),
)


@pytest.fixture(scope='session')
def folder(tmp_path_factory):
    """An extracted R18, its batch norms with statistics of their own."""
    root = tmp_path_factory.mktemp('apis')
    torch.manual_seed(0)
    net = DynamicResNet('tiny10to22')
    net.init_weights()
    for name, value in net.state_dict().items():
        if 'running' in name:
            value.uniform_(0.5, 1.5)
    weights = {f'backbone.{key}': value for key, value in net.state_dict().items()}
    torch.save(dict(state_dict=weights), root / 'epoch_1.pth')
    extract(Config(CONFIG), str(root / 'epoch_1.pth'), Choice('R18'), str(root / 'subnet'))
    return str(root / 'subnet')


@pytest.fixture(scope='session')
def images(tmp_path_factory):
    """Three images of different sizes in a folder, and a text beside them."""
    root = tmp_path_factory.mktemp('images')
    rng = np.random.default_rng(0)
    for index, size in enumerate([(80, 100), (120, 70), (64, 64)]):
        pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f'{index}.png')
    (root / 'notes.txt').touch()
    return root
