"""The pretraining that is extracted from, and images to calibrate on."""

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image


@pytest.fixture(scope='session')
def source(pretraining):
    """The (config, checkpoint path) of one pretraining, used by many tests."""
    config, checkpoint = pretraining()
    return Config.fromfile(config), str(checkpoint)


@pytest.fixture(scope='session')
def photos(tmp_path_factory):
    """A folder of 10 images in two subfolders."""
    folder = tmp_path_factory.mktemp('photos')
    rng = np.random.default_rng(0)
    for index in range(10):
        (folder / f'class{index % 2}').mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, (80 + index, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f'class{index % 2}' / f'{index}.png')
    return folder
