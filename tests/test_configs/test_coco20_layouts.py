"""The photographs of COCO in other datasets' formats."""

import json
import pickle
import xml.etree.ElementTree as ET
from importlib.machinery import SourceFileLoader
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
coco20_layouts = SourceFileLoader(
    'coco20_layouts', str(ROOT / 'tests/test_configs/coco20_layouts.py')
).load_module()

NAMES = ('couch', 'road', 'zebra')
SPLITS = dict(train=('training', [1, 2, 3]), val=('validation', [4]))


@pytest.fixture
def folder(tmp_path):
    """What coco20.py writes, of four photographs: a couch and a zebra on a road, and nothing."""
    (tmp_path / 'coco' / 'annotations').mkdir(parents=True)
    (tmp_path / 'coco20.json').write_text(json.dumps(dict(semantic=NAMES)))
    labels = np.repeat(np.arange(4, dtype=np.uint8), 10)[None].repeat(30, 0)
    for split, (maps, ids) in SPLITS.items():
        images = tmp_path / 'coco' / f'{split}2017'
        images.mkdir()
        (tmp_path / 'ade' / 'annotations' / maps).mkdir(parents=True)
        for i in ids:
            picture = np.full((30, 40, 3), (10, 20, 200), np.uint8)
            cv2.imwrite(str(images / f'{i:012d}.jpg'), picture)
            cv2.imwrite(str(tmp_path / 'ade' / 'annotations' / maps / f'{i:012d}.png'), labels)
        annotations = [
            dict(image_id=i, category_id=category, bbox=[10, 0, 5.4, 30])
            for i in ids
            for category in (63, 24)
        ]
        coco = dict(
            images=[dict(id=i, file_name=f'{i:012d}.jpg', width=40, height=30) for i in ids],
            annotations=annotations,
            categories=[dict(id=63, name='couch'), dict(id=24, name='zebra')],
        )
        path = tmp_path / 'coco' / 'annotations' / f'instances_{split}2017.json'
        path.write_text(json.dumps(coco))
    return tmp_path


def label_map(path):
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)[0, ::10].tolist()


def test_voc(folder):
    coco20_layouts.write_voc(folder)
    root = folder / 'VOCdevkit'
    lists = {str(p.relative_to(root)): p.read_text().split() for p in root.rglob('*.txt')}
    stems = [f'{i:012d}' for i in range(1, 5)]
    assert lists == {
        'VOC2007/ImageSets/Main/trainval.txt': [stems[0], stems[2]],
        'VOC2007/ImageSets/Main/test.txt': [stems[3]],
        'VOC2012/ImageSets/Main/trainval.txt': [stems[1]],
        'VOC2012/ImageSets/Segmentation/train.txt': [stems[0], stems[2]],
        'VOC2012/ImageSets/Segmentation/aug.txt': [stems[1]],
        'VOC2012/ImageSets/Segmentation/val.txt': [stems[3]],
    }
    for year in ('VOC2007', 'VOC2012'):
        for stem in stems:
            assert (root / year / 'JPEGImages' / f'{stem}.jpg').is_file()
            [instance] = ET.parse(root / year / 'Annotations' / f'{stem}.xml').findall('object')
            assert instance.find('name').text == 'sofa'
            box = [side.text for side in instance.find('bndbox')]
            assert box == ['11', '1', '15', '30']  # pixels 10..14 and 0..29, counted from 1
    for kind in ('SegmentationClass', 'SegmentationClassAug'):
        assert label_map(root / 'VOC2012' / kind / f'{stems[1]}.png') == [255, 18, 0, 0]


def test_cityscapes(folder):
    coco20_layouts.write_cityscapes(folder)
    root = folder / 'cityscapes'
    images = {p.name for p in root.glob('leftImg8bit/train/*/*_leftImg8bit.png')}
    maps = sorted(root.glob('gtFine/train/*/*_gtFine_labelTrainIds.png'))
    assert images == {p.name.replace('gtFine_labelTrainIds', 'leftImg8bit') for p in maps}
    assert len(maps) == 3 and label_map(maps[0]) == [255, 255, 0, 255]


def test_imagenet(folder):
    coco20_layouts.write_imagenet(folder)
    for split in SPLITS:
        classes = [list(p.iterdir()) for p in (folder / 'imagenet' / split).iterdir()]
        assert len(classes) == 1000 and all(len(files) == 1 for files in classes)
    for percent, number in {1: 10, 10: 100}.items():
        text = (folder / 'imagenet' / 'meta' / f'train_labeled_{percent}percent.txt').read_text()
        lines = [line.split() for line in text.splitlines()]
        assert len(lines) == number
        for path, label in lines:
            assert (folder / 'imagenet' / 'train' / path).is_file()
            assert path.startswith(f'n{int(label):08d}/')


def test_places205(folder):
    coco20_layouts.write_places205(folder)
    root = folder / 'Places205'
    lines = [line.split() for line in (root / 'meta' / 'train.txt').read_text().splitlines()]
    assert [label for _, label in lines] == ['0', '1', '2']
    assert all((root / 'train' / name).is_file() for name, _ in lines)


def test_folders(folder):
    coco20_layouts.write_folders(folder)
    for split, photographs in dict(train='train', test='val').items():
        classes = sorted((folder / 'folders' / split).iterdir())
        assert [path.name for path in classes] == [str(index) for index in range(10)]
        names = {path.name for path in (folder / 'folders' / split).glob('*/*')}
        assert names == {p.name for p in (folder / 'coco' / f'{photographs}2017').glob('*.jpg')}


@pytest.mark.parametrize(
    'number, batch, labels',
    [
        (10, 'cifar-10-batches-py/data_batch_5', 'labels'),
        (100, 'cifar-100-python/train', 'fine_labels'),
    ],
)
def test_cifar(folder, number, batch, labels):
    getattr(coco20_layouts, f'write_cifar{number}')(folder)
    batch = pickle.loads((folder / f'cifar{number}' / batch).read_bytes())
    assert batch['data'].shape == (3, 3072) and batch[labels] == [0, 1, 2]
    red, green, blue = batch['data'].reshape(3, 3, 1024).mean((0, 2))
    assert abs(red - 200) < 5 and abs(green - 20) < 5 and abs(blue - 10) < 5
