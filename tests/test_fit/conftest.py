"""A folder of small images, a folder of labeled ones, and a supernet with random weights."""

import numpy as np
import pytest
import torch
from PIL import Image

from gaia_ssl.fit.recipe import make_config
from gaia_ssl.models.supernet import build_supernet


def write_images(folder, number, side=32, mode='RGB'):
    folder.mkdir(parents=True, exist_ok=True)
    shape = (side, side + 8, 3) if mode == 'RGB' else (side, side + 8)
    for index in range(number):
        noise = np.random.default_rng(index).integers(0, 255, shape, dtype=np.uint8)
        Image.fromarray(noise).save(folder / f'{index:03d}.png')


@pytest.fixture(scope='session')
def images(tmp_path_factory):
    """48 images of 32 x 40 px."""
    folder = tmp_path_factory.mktemp('own') / 'images'
    write_images(folder, 48)
    return folder


@pytest.fixture(scope='session')
def labels(tmp_path_factory):
    """Eight images of two classes."""
    folder = tmp_path_factory.mktemp('labels')
    for name in ('cat', 'dog'):
        write_images(folder / name, 4)
    return folder


@pytest.fixture(scope='session')
def made(images):
    """The training config for want of a network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('GAIA_SSL_SIDE', '')  # to be restored
        patch.setenv('GAIA_SSL_IMAGES', '')
        config = make_config('scratch', str(images), 32)
    config.model.queue_len = 16
    return config


@pytest.fixture
def config(made):
    """A copy of it."""
    return made.copy()


@pytest.fixture(scope='session')
def checkpoint(made, tmp_path_factory):
    """A checkpoint of its supernet."""
    path = tmp_path_factory.mktemp('supernet') / 'supernet.pth'
    torch.manual_seed(0)
    torch.save(dict(state_dict=build_supernet(made).state_dict(), meta={}), path)
    return path
