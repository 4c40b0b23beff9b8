"""Small data sets in the formats that are checked, which a test may damage."""

import json

import numpy as np
import pytest
from PIL import Image

CLASSES = ('cat', 'dog')


@pytest.fixture
def coco(tmp_path):
    """Write two images and a file in COCO's format: ``coco(change=None, name='a.json')``.

    ``change`` is called with the content before it is written.
    """

    def make(change=None, name='a.json'):
        images = tmp_path / 'images'
        images.mkdir(exist_ok=True)
        content = dict(
            images=[dict(id=i, file_name=f'{i}.jpg', height=16, width=16) for i in (1, 2)],
            categories=[dict(id=i, name=name) for i, name in enumerate(CLASSES, 5)],
            annotations=[
                dict(
                    id=i + 1,
                    image_id=1 + i % 2,
                    category_id=5 + i % 2,
                    bbox=[0, 0, 8, 4],
                    area=20,
                    iscrowd=0,
                    segmentation=[[0, 0, 8, 0, 8, 4]],
                )
                for i in range(4)
            ],
        )
        for image in content['images']:
            Image.new('RGB', (16, 16)).save(images / image['file_name'])
        if change:
            change(content)
        (tmp_path / name).write_text(json.dumps(content))
        return tmp_path / name

    return make


@pytest.fixture
def scenes(tmp_path):
    """Write three images with label maps: ``scenes(values=(0, 1, 255), suffix='.jpg')``."""

    def make(values=(0, 1, 255), suffix='.jpg', shape=(6, 8)):
        for folder in ('images', 'maps'):
            (tmp_path / folder).mkdir(exist_ok=True)
        for i in range(3):
            Image.new('RGB', (8, 6)).save(tmp_path / 'images' / f'{i}{suffix}', 'JPEG')
            labels = np.resize(np.array(values, np.uint8), shape)
            Image.fromarray(labels).save(tmp_path / 'maps' / f'{i}.png')
        return tmp_path

    return make
