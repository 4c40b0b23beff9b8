"""Label maps fit their images and the classes."""

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from gaia_ssl.datasets.annotations import check_annotations
from gaia_ssl.utils import UserError


def check(root, classes=('road', 'field'), **settings):
    dataset = dict(
        type='BaseSegDataset',
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='maps'),
        metainfo=dict(classes=classes),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')],
    )
    wrapped = dict(type='RepeatDataset', times=2, dataset={**dataset, **settings})
    config = Config(dict(default_scope='mmseg', train_dataloader=dict(dataset=wrapped)))
    check_annotations(config, ['train_dataloader'])


def test_maps_that_fit(scenes):
    check(scenes())
    check(scenes((0, 1, 2, 255)), reduce_zero_label=True)
    check(scenes((7,)), pipeline=[])  # read in another way, or not at all


def test_a_turned_photograph(scenes):
    root = scenes(shape=(8, 6))
    exif = Image.Exif()
    exif[0x0112] = 6
    for i in range(3):
        Image.new('RGB', (8, 6)).save(root / 'images' / f'{i}.jpg', exif=exif)
    check(root)


@pytest.mark.parametrize(
    'made, settings, message',
    [
        (
            dict(values=(0, 7)),
            {},
            '0.png has the value 7, but .*dataset has 2 classes: .* 0 to 1, ',
        ),
        (
            dict(values=(0, 7)),
            dict(reduce_zero_label=True),
            'the value 7, .* are 1 to 2, and 0 and',
        ),
        (dict(shape=(5, 8)), {}, '0.png is 8 x 5, but its image is 8 x 6; mend either'),
        (dict(shape=(6, 8, 3)), {}, r'0.png has several channels \(RGB\); write one channel'),
        (dict(suffix='.JPG'), {}, 'dataset.dataset.img_suffix: no file .* ends in .jpg; .* .JPG'),
        ({}, dict(seg_map_suffix='.gif'), '3 of 3 images have no label map, such as .*/0.gif; add'),
    ],
)
def test_maps_that_do_not_fit(scenes, made, settings, message):
    with pytest.raises(UserError, match=message):
        check(scenes(**made), **settings)


def test_suffixes_of_both_cases(scenes):
    (scenes() / 'images' / '2.jpg').rename(scenes() / 'images' / '3.JPG')
    with pytest.raises(
        UserError, match='1 files .* end in .JPG and are not read beside those in .j'
    ):
        check(scenes())


def test_a_map_of_16_bits(scenes):
    root = scenes()
    Image.fromarray(np.full((6, 8), 256, np.uint16)).save(root / 'maps' / '0.png')
    with pytest.raises(UserError, match='0.png has values above 255'):
        check(root)


def test_a_damaged_map(scenes):
    root = scenes()
    (root / 'maps' / '0.png').write_bytes(b'')
    with pytest.raises(UserError, match='label map: .*0.png cannot be read'):
        check(root)


def test_a_type_with_classes_of_its_own(scenes):
    message = '^train_dataloader.dataset.dataset: its settings do not fit .*not a subset of classes'
    with pytest.raises(UserError, match=message):
        check(scenes(), ('wal',), type='ADE20KDataset')
