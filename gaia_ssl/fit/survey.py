"""Survey a folder of images: how many, how large, gray or coloured."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from gaia_ssl.datasets.sources import find_images
from gaia_ssl.utils import UserError

SAMPLE = 256
"""The most files that are opened, evenly spread over all."""
SIDES = (32, 64, 128, 224)
"""Sides of views in pixels that the configs are made for."""
LARGEST_ON_CPU = 128
GRAY = ('1', 'L', 'LA', 'I', 'I;16', 'F')
"""Pillow's modes of images without colours."""


class Survey(NamedTuple):
    """Facts of a folder of images.

    Attributes:
        number: The number of images.
        side: The median of their shorter sides in pixels.
        gray: The share of them that have no colours.
    """

    number: int
    side: int
    gray: float

    def view_side(self, least: int, gpu: bool) -> int:
        """The side of views that suits the images: theirs, one of SIDES rounded down.

        Args:
            least: The least side that a network reads.
            gpu: Whether there is a GPU; without one larger views would take too long.
        """
        largest = self.side if gpu else min(self.side, LARGEST_ON_CPU)
        return max([least, SIDES[0], *(side for side in SIDES if side <= largest)])


def survey(images: str) -> Survey:
    """Survey images without reading their pixels.

    Args:
        images: A folder, nested or not.

    Raises:
        UserError: If there are none, or none of those opened is an image.
    """
    files = find_images([images])
    chosen = np.unique(np.linspace(0, len(files) - 1, SAMPLE).astype(int))
    sides, gray = [], []
    for index in chosen:
        try:
            with Image.open(files[index].path) as image:
                sides.append(min(image.size))
                gray.append(image.mode in GRAY)
        except OSError:  # the training names what it cannot read
            continue
    if not sides:
        raise UserError(
            f'images: no file in {images} can be opened as an image, such as {files[0].path}'
        )
    return Survey(len(files), int(np.median(sides)), float(np.mean(gray)))
