"""Lay the photographs of coco20.py out as VOC, Cityscapes, ImageNet, Places205 and CIFAR as well.

Usage: python tests/test_configs/coco20_layouts.py DIR

``DIR`` is what ``coco20.py`` wrote. It gets, with the file names and formats of those datasets, so
that their configs can be tried out:

``DIR/VOCdevkit``
    VOC2007 and VOC2012 share the photographs for training; VOC2012 has segmentation too, with the
    label maps of VOC12aug.
``DIR/cityscapes``
    ``leftImg8bit`` and, in ``gtFine``, maps of the 19 training ids.
``DIR/imagenet``
    1000 class folders of one photograph each, and lists of 1% and 10% of them for training.
``DIR/Places205``
    Lists of the photographs and their classes.
``DIR/cifar10``, ``DIR/cifar100``
    The pickled batches of ``cifar-10-batches-py`` and ``cifar-100-python``, each with all
    photographs at 32x32.
``DIR/folders``
    Class folders below ``train`` and ``test``, whose ten classes take the photographs in turn.

Boxes and label maps are COCO's where the classes are alike. Labels of classes are made up for the
others: they say nothing.
"""

import argparse
import json
import pickle
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli

VOC = (
    'aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike '
    'person pottedplant sheep sofa train tvmonitor'
).split()
# COCO's names, where they are others
VOC_NAMES = {
    'airplane': 'aeroplane',
    'dining table': 'diningtable',
    'motorcycle': 'motorbike',
    'potted plant': 'pottedplant',
    'couch': 'sofa',
    'tv': 'tvmonitor',
}
CITYSCAPES = {
    'road': 0,
    'pavement-merged': 1,
    'building-other-merged': 2,
    'wall-brick': 3,
    'wall-stone': 3,
    'fence-merged': 4,
    'traffic light': 6,
    'stop sign': 7,
    'tree-merged': 8,
    'grass-merged': 9,
    'dirt-merged': 9,
    'sky-other-merged': 10,
    'person': 11,
    'car': 13,
    'truck': 14,
    'bus': 15,
    'train': 16,
    'motorcycle': 17,
    'bicycle': 18,
}
IGNORED = 255
SPLITS = ('train', 'val')
IMAGENET_CLASSES = 1000
FOLDERS_CLASSES = 10


def photographs(folder: Path, split: str) -> list[Path]:
    """The photographs of a split."""
    return sorted((folder / 'coco' / f'{split}2017').glob('*.jpg'))


def label_maps(
    folder: Path, split: str, labels: dict[str, int], other: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Names of photographs and uint8 (H, W) maps in which classes have other labels.

    Args:
        folder: What ``coco20.py`` wrote.
        split: ``'train'`` or ``'val'``.
        labels: The labels of classes, by COCO's names.
        other: The label of all other classes.
    """
    names = json.loads((folder / 'coco20.json').read_text())['semantic']
    table = np.full(256, IGNORED, np.uint8)
    table[1 : 1 + len(names)] = [labels.get(name, other) for name in names]
    maps = dict(train='training', val='validation')[split]
    for path in sorted((folder / 'ade' / 'annotations' / maps).glob('*.png')):
        yield path.stem, table[cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)]


def write_voc(folder: Path) -> None:
    """Write ``VOCdevkit``: the training photographs in turn to 2007 and to 2012."""
    years = {year: folder / 'VOCdevkit' / f'VOC{year}' for year in (2007, 2012)}
    stems = {split: [path.stem for path in photographs(folder, split)] for split in SPLITS}
    one, other = stems['train'][::2], stems['train'][1::2]
    lists = {
        (2007, 'Main'): dict(trainval=one, test=stems['val']),
        (2012, 'Main'): dict(trainval=other),
        (2012, 'Segmentation'): dict(train=one, aug=other, val=stems['val']),
    }
    for (year, kind), members in lists.items():
        for name, listed in members.items():
            _write_list(years[year] / 'ImageSets' / kind / f'{name}.txt', listed)
    annotations = dict(pair for split in SPLITS for pair in _voc_annotations(folder, split))
    for year in years.values():
        for split in SPLITS:
            for path in photographs(folder, split):
                _link(path, year / 'JPEGImages' / path.name)
                (year / 'Annotations').mkdir(exist_ok=True)
                annotations[path.stem].write(year / 'Annotations' / f'{path.stem}.xml')
    coco_names = {voc: coco for coco, voc in VOC_NAMES.items()}
    labels = {coco_names.get(name, name): label for label, name in enumerate(VOC, start=1)}
    for split in SPLITS:
        for stem, labeled in label_maps(folder, split, labels, other=0):
            for kind in ('SegmentationClass', 'SegmentationClassAug'):
                _write_image(years[2012] / kind / f'{stem}.png', labeled)


def _voc_annotations(folder: Path, split: str) -> Iterator[tuple[str, ET.ElementTree]]:
    path = folder / 'coco' / 'annotations' / f'instances_{split}2017.json'
    coco = json.loads(path.read_text())
    names = {
        category['id']: VOC_NAMES.get(category['name'], category['name'])
        for category in coco['categories']
    }
    for image in coco['images']:
        root = ET.Element('annotation')
        _add(root, 'filename', image['file_name'])
        size = ET.SubElement(root, 'size')
        for key in ('width', 'height'):
            _add(size, key, image[key])
        for annotation in coco['annotations']:
            name = names[annotation['category_id']]
            if annotation['image_id'] != image['id'] or name not in VOC:
                continue
            instance = ET.SubElement(root, 'object')
            _add(instance, 'name', name)
            _add(instance, 'difficult', 0)
            box = ET.SubElement(instance, 'bndbox')
            x, y, width, height = annotation['bbox']
            # VOC counts pixels from 1, and the last one is inside
            for key, value in dict(xmin=x + 1, ymin=y + 1, xmax=x + width, ymax=y + height).items():
                _add(box, key, round(value))
        yield Path(image['file_name']).stem, ET.ElementTree(root)


def _add(parent: ET.Element, tag: str, value: object) -> None:
    ET.SubElement(parent, tag).text = str(value)


def write_cityscapes(folder: Path) -> None:
    """Write ``cityscapes``, of one city."""
    root, city = folder / 'cityscapes', 'coco'
    for split in SPLITS:
        for path in photographs(folder, split):
            image = cv2.imread(str(path))
            name = f'{path.stem}_leftImg8bit.png'
            _write_image(root / 'leftImg8bit' / split / city / name, image)
        for stem, labels in label_maps(folder, split, CITYSCAPES, other=IGNORED):
            name = f'{stem}_gtFine_labelTrainIds.png'
            _write_image(root / 'gtFine' / split / city / name, labels)


def write_imagenet(folder: Path) -> None:
    """Write ``imagenet``, whose classes take the photographs in turn."""
    root = folder / 'imagenet'
    for split in SPLITS:
        paths = photographs(folder, split)
        for index in range(IMAGENET_CLASSES):
            path = paths[index % len(paths)]
            _link(path, root / split / f'n{index:08d}' / path.name)
    images = sorted((root / 'train').glob('*/*'))
    labeled = [f'{path.relative_to(root / "train")} {i}' for i, path in enumerate(images)]
    for percent, every in {1: 100, 10: 10}.items():
        _write_list(root / 'meta' / f'train_labeled_{percent}percent.txt', labeled[::every])


def write_folders(folder: Path) -> None:
    """Write ``folders``, whose classes take the photographs in turn."""
    for split, name in dict(train='train', val='test').items():
        classes = [folder / 'folders' / name / str(index) for index in range(FOLDERS_CLASSES)]
        for place in classes:  # as many classes in both splits, some of them empty
            place.mkdir(parents=True)
        for index, path in enumerate(photographs(folder, split)):
            _link(path, classes[index % FOLDERS_CLASSES] / path.name)


def write_places205(folder: Path) -> None:
    """Write ``Places205``, whose first classes have a photograph each."""
    root = folder / 'Places205'
    for split in SPLITS:
        paths = photographs(folder, split)
        for path in paths:
            _link(path, root / split / path.name)
        labeled = [f'{path.name} {index}' for index, path in enumerate(paths)]
        _write_list(root / 'meta' / f'{split}.txt', labeled)


def write_cifar10(folder: Path) -> None:
    """Write ``cifar10``."""
    root = folder / 'cifar10' / 'cifar-10-batches-py'
    batches = {f'data_batch_{index}': 'train' for index in range(1, 6)} | dict(test_batch='val')
    for name, split in batches.items():
        _write_batch(root / name, photographs(folder, split), 'labels')


def write_cifar100(folder: Path) -> None:
    """Write ``cifar100``."""
    root = folder / 'cifar100' / 'cifar-100-python'
    for name, split in dict(train='train', test='val').items():
        _write_batch(root / name, photographs(folder, split), 'fine_labels')


def _write_batch(path: Path, photos: list[Path], labels: str) -> None:
    """Write a batch of CIFAR's, whose first ten classes take the photographs in turn."""
    images = [cv2.imread(str(photo))[..., ::-1] for photo in photos]
    images = [cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA) for image in images]
    # (N, 32, 32, 3) -> (N, 3072), channel by channel
    data = np.stack(images).transpose(0, 3, 1, 2).reshape(len(images), -1)
    content = {
        'data': data,
        labels: [index % 10 for index in range(len(images))],
        'filenames': [photo.name for photo in photos],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content))


def _write_list(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{line}\n' for line in lines))


def _write_image(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels)


def _link(source: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.hardlink_to(source)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('dir', type=Path, help='what coco20.py wrote')
    args = parser.parse_args()
    if not (args.dir / 'coco20.json').is_file():
        raise UserError(f'{args.dir}: holds no coco20.json; run coco20.py --out {args.dir} first')
    writers = dict(
        VOCdevkit=write_voc,
        cityscapes=write_cityscapes,
        imagenet=write_imagenet,
        Places205=write_places205,
        cifar10=write_cifar10,
        cifar100=write_cifar100,
        folders=write_folders,
    )
    for name, write in writers.items():
        if (args.dir / name).exists():
            raise UserError(f'{args.dir / name}: is there already; remove it to write it again')
        write(args.dir)


if __name__ == '__main__':
    run_cli(main)
