"""Compare and complete the image sizes of a COCO file with those of the image files."""

import os.path as osp
from typing import Any

import numpy as np
from PIL import Image

from gaia_ssl.utils import UserError

from .coco import CocoFile

OPENED = 64
"""Images of a file whose sizes are compared, at equal distances in its order."""

_ORIENTATION = 0x0112


def read_size(path: str, oriented: bool = True) -> tuple[int, int] | None:
    """Read the height and width of an image, if Pillow knows its format.

    Args:
        path: The file.
        oriented: As it is shown, with its EXIF orientation applied. Defaults to True.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = oriented and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except OSError:
        return None
    return (width, height) if turned else (height, width)


def check_sizes(file: CocoFile, folder: str, oriented: bool = True) -> None:
    """Complete sizes of images that a file in COCO's format lacks, and compare some of the others.

    Args:
        file: The file.
        folder: The folder of its images, which exist.
        oriented: The images are read with their EXIF orientation applied. Defaults to True.

    Raises:
        UserError: If a size is another than that of the image, or cannot be read where it is
            needed.
    """
    images = file.content['images']
    lacking = [image for image in images if not _is_given(image)]
    for image in lacking:
        path = osp.join(folder, image['file_name'])
        if not (size := read_size(path, oriented)):
            raise UserError(
                f'ann_file: {file.path} gives no size of {image["file_name"]}, and {path} cannot '
                'be read; repair it, or add "height" and "width"'
            )
        image['height'], image['width'] = size
    if lacking:
        file.taken.append(
            f'"height" and "width" of {len(lacking)} of {len(images)} images are missing or not '
            'positive and are taken from the files'
        )
    for index in np.linspace(0, len(images) - 1, min(len(images), OPENED)).astype(int):
        _compare(file, images[index], folder, oriented)


def _is_given(image: dict[str, Any]) -> bool:
    sides = (image.get('height'), image.get('width'))
    return all(isinstance(side, int | float) and side > 0 for side in sides)


def _compare(file: CocoFile, image: dict[str, Any], folder: str, oriented: bool) -> None:
    path = osp.join(folder, image['file_name'])
    size, given = read_size(path, oriented), (image['height'], image['width'])
    if size in (None, given):
        return
    message = f'ann_file: {file.path} has {_text(given)} for {image["file_name"]}, but {path} is '
    if size and oriented and read_size(path, oriented=False) == given:
        raise UserError(
            f'{message}{_text(size)} as it is read, with its EXIF orientation applied; remove the '
            'orientation from the files, or annotate them as they are shown'
        )
    raise UserError(f'{message}{_text(size)}; mend "height" and "width", or give the right images')


def _text(size: tuple[int, int]) -> str:
    return f'{size[1]} x {size[0]}'
