import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def save():
    """Writes noise as an image of some size, its folders included."""

    def write(path, size=(40, 30), **options):
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
        Image.fromarray(noise).save(path, **options)

    return write
