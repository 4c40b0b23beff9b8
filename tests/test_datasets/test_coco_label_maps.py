"""Label maps of objects in COCO's format."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils

from gaia_ssl.datasets.coco_label_maps import write_label_maps
from gaia_ssl.datasets.images import default_pipeline
from gaia_ssl.datasets.label_map_set import LabelMapSet, is_label_map_set
from gaia_ssl.utils import UserError


@pytest.fixture
def folder(tmp_path):
    """Write three images and their objects: ``folder(annotations)`` gives the file."""
    (tmp_path / 'images/deep').mkdir(parents=True)
    names = ['1.jpg', 'deep/2.png', '3.jpg']
    for name in names:
        Image.new('RGB', (12, 8)).save(tmp_path / 'images' / name)

    def make(annotations, categories=2):
        images = [dict(id=i, file_name=name, height=8, width=12) for i, name in enumerate(names, 1)]
        kinds = [dict(id=9 - k, name=f'kind {k}') for k in range(categories)]
        rows = [
            dict(dict(id=i, iscrowd=0, area=1, image_id=1, category_id=9), **row)
            for i, row in enumerate(annotations, 1)
        ]
        content = dict(images=images, categories=kinds, annotations=rows)
        (tmp_path / 'a.json').write_text(json.dumps(content))
        return str(tmp_path / 'a.json')

    return make


def box(left, top, width, height, **row):
    return dict(bbox=[left, top, width, height], **row)


def encoded(mask):
    found = mask_utils.encode(np.asfortranarray(mask.astype(np.uint8)))
    return dict(found, counts=found['counts'].decode())


def test_objects_become_pixels(folder, tmp_path):
    runs = np.zeros((8, 12), bool)
    runs[6:, 10:] = True
    lists = dict(size=[8, 12], counts=[8 * 10, 8, 8])
    rows = [
        box(0, 0, 8, 8),  # a box, which has no mask
        box(2, 2, 4, 4, category_id=8, segmentation=[[2, 2, 6, 2, 6, 6, 2, 6]]),  # in front
        box(10, 6, 2, 2, category_id=8, segmentation=encoded(runs)),
        box(10, 0, 1, 8, image_id=2, iscrowd=1, segmentation=lists),
    ]
    out = tmp_path / 'maps'
    names = write_label_maps(folder(rows), str(tmp_path / 'images'), str(out))
    assert names == ['kind 0', 'kind 1']
    first = np.zeros((8, 12), np.uint8)
    first[:, :8], first[2:6, 2:6], first[runs] = 1, 2, 2
    assert np.array_equal(np.asarray(Image.open(out / 'annotations/1.png')), first)
    second = np.zeros((8, 12), np.uint8)
    second[:, 10] = 255
    assert np.array_equal(np.asarray(Image.open(out / 'annotations/deep/2.png')), second)
    # nobody looked at the third
    assert is_label_map_set(str(out))
    images = LabelMapSet(str(out), default_pipeline(8))
    assert images.names == ['1.jpg', 'deep/2.png']
    assert set(images.target(1).unique().tolist()) <= {0, 255}


def test_what_cannot_be_written_is_named(folder, tmp_path):
    images, out = str(tmp_path / 'images'), tmp_path / 'maps'
    small = box(0, 0, 1, 1, segmentation=encoded(np.ones((4, 4))))
    for rows, categories, message in (
        ([box(0, 0, 1, 1)], 255, 'a.json has 255 categories'),
        ([box(0, 0, 1, 1, image_id=7)], 2, 'a.json has no annotation of its images'),
        ([small], 2, r'"segmentation" of annotation 1 is of \(4, 4\) pixels'),
    ):
        with pytest.raises(UserError, match=message):
            write_label_maps(folder(rows, categories), images, str(out))
        assert not out.exists()
    out.mkdir()
    (out / 'kept').touch()
    with pytest.raises(UserError, match='^out: .*maps exists and is not an empty folder'):
        write_label_maps(folder([box(0, 0, 1, 1)]), images, str(out))
