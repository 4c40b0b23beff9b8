"""An extracted folder, and images."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope='session')
def folder(extracted):
    """An extracted R18, its batch norms with statistics of their own."""
    return str(extracted('R18'))


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
