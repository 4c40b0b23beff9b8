"""Semantic label maps of a detection data set in COCO's format."""

import os
import os.path as osp
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as mask_utils

from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import atomic_folder

from .annotations.coco import CocoFile, check_images, read_coco
from .annotations.image_sizes import check_sizes

IGNORED = 255
"""What crowds are labelled with."""


def write_label_maps(annotations: str, images: str, out: str) -> list[str]:
    """Write the layout of ``LabelMapSet``: ``images``, links, and ``annotations``, label maps.

    A pixel has the category of the smallest object on it, the k-th of the file as k, and 0 where
    there is none. An object is its mask, or its box if it has none. Images without objects are
    left out: nobody may have looked at them.

    Args:
        annotations: A file in COCO's format.
        images: The folder of its images.
        out: The folder to write.

    Returns:
        The names of the categories, in the order of their labels, from 1.

    Raises:
        UserError: If the file or its images are not as they should be, there are more than 254
            categories or no objects, or the folder is there or cannot be written.
    """
    file = read_coco(annotations)
    check_images(file, images)
    check_sizes(file, images)
    if len(file.names) >= IGNORED:
        raise UserError(
            f'ann_file: {file.path} has {len(file.names)} categories, and a label map of 8 bits '
            f'{IGNORED - 1} at most; leave some out'
        )
    objects: dict[int, list[dict]] = {}
    for _, annotation in file.annotations_of(file.names):
        objects.setdefault(annotation['image_id'], []).append(annotation)
    if not objects:
        raise UserError(f'ann_file: {file.path} has no annotation of its images')
    if osp.exists(out) and (not osp.isdir(out) or os.listdir(out)):
        raise UserError(f'out: {out} exists and is not an empty folder; choose another')
    with atomic_folder(out) as draft:
        for image_id, found in objects.items():
            name = file.images[image_id]['file_name']
            link = Path(draft, 'images', name)
            target = Path(draft, 'annotations', name).with_suffix('.png')
            for path in (link, target):
                path.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(osp.abspath(osp.join(images, name)), link)
            Image.fromarray(_label_map(file, image_id, found)).save(target)
    return file.names


def _label_map(file: CocoFile, image_id: int, objects: list[dict]) -> np.ndarray:
    """The label map of an image, uint8 (H, W); smaller objects are in front."""
    image = file.images[image_id]
    size = image['height'], image['width']
    labels = np.zeros(size, np.uint8)
    number = {category['id']: k for k, category in enumerate(file.content['categories'], 1)}
    masks = [_mask(annotation, *size) for annotation in objects]
    for annotation, mask in zip(objects, masks, strict=True):
        if mask.shape != size:
            raise UserError(
                f'ann_file: {file.path}: the "segmentation" of annotation {annotation["id"]} is '
                f'of {mask.shape} pixels, but its image has height and width {size}; mend either'
            )
    for index in sorted(range(len(objects)), key=lambda i: -int(masks[i].sum())):
        crowd = objects[index]['iscrowd']
        labels[masks[index]] = IGNORED if crowd else number[objects[index]['category_id']]
    return labels


def _mask(annotation: dict, height: int, width: int) -> np.ndarray:
    """The pixels of an object, (H, W)."""
    shape = annotation.get('segmentation')
    if not shape:
        left, top, w, h = annotation['bbox']
        shape = [[left, top, left + w, top, left + w, top + h, left, top + h]]
    if isinstance(shape, list):
        encoded = mask_utils.merge(mask_utils.frPyObjects(shape, height, width))
    elif isinstance(shape['counts'], list):
        encoded = mask_utils.frPyObjects(shape, height, width)
    else:
        encoded = shape
    return mask_utils.decode(encoded).astype(bool)
