"""PASCAL VOC's images and labels for image classification."""

import os.path as osp
from collections.abc import Sequence
from glob import escape, glob
from typing import NamedTuple

import numpy as np

from gaia_ssl.utils import UserError

from .images import ImageSet


class VOCSplit(NamedTuple):
    """Images and labels of a split.

    Attributes:
        images: N images.
        classes: Names of C classes, sorted.
        labels: int (N, C): 1 if the image shows the class, -1 if it does not, and 0 if it shows
            only objects marked difficult.
    """

    images: ImageSet
    classes: list[str]
    labels: np.ndarray


def load_voc(root: str, split: str, pipeline: Sequence[dict]) -> VOCSplit:
    """Read a split of PASCAL VOC's classification task.

    Args:
        root: The folder that holds ``JPEGImages`` and ``ImageSets/Main``, ``VOCdevkit/VOC2007``.
        split: ``'trainval'``, ``'test'`` or another, of files ``ImageSets/Main/CLASS_SPLIT.txt``.
        pipeline: Configs of transforms, see ``ImageSet``.

    Raises:
        UserError: If the split does not exist, or one of its files is broken or names a missing
            image.
    """
    folder = osp.join(root, 'ImageSets', 'Main')
    files = sorted(glob(osp.join(escape(folder), f'*_{split}.txt')))
    if not files:
        raise UserError(
            f'data: {folder}/*_{split}.txt matches no file; give the folder VOCdevkit/VOC2007'
        )
    present = [_read(file) for file in files]
    names = sorted(present[0])
    for file, labels in zip(files, present):
        if labels.keys() != present[0].keys():
            raise UserError(f'data: {file} lists other images than {files[0]}; unpack them again')
    images = ImageSet(osp.join(root, 'JPEGImages'), pipeline)
    positions = {osp.splitext(name)[0]: position for position, name in enumerate(images.names)}
    for name in names:
        if name not in positions:
            raise UserError(f'data: {root}/JPEGImages lacks image {name}, which {files[0]} lists')
    return VOCSplit(
        images.select(positions[name] for name in names),
        [osp.basename(file).removesuffix(f'_{split}.txt') for file in files],
        np.array([[labels[name] for labels in present] for name in names]),
    )


def _read(file: str) -> dict[str, int]:
    """Read the label of each image from the file of a class."""
    with open(file, encoding='utf-8-sig') as stream:
        try:
            return {name: int(label) for name, label in map(str.split, stream)}
        except ValueError as error:
            raise UserError(
                f"data: {file} is not in VOC's format; a line is an image's name and 1, 0 or -1"
            ) from error
