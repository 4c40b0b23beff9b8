"""Decode an image file of any format to 8-bit RGB."""

import hashlib
import io
import os
import re
import stat
import threading
import warnings

import numpy as np
from PIL import Image, ImageFile, ImageOps

from gaia_ssl.utils import UserError

MAX_ASPECT = 1000  # a longer strip, resized by its short edge, would fill the memory
MAX_PIXELS = 1 << 30  # OpenCV's limit; Pillow's own refuses scans of 14,000 x 14,000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow raises an error at twice this number
NARROW = 64  # of the 256 values that are kept of 16 bits
_16_BITS = re.compile(r";16|'RGB', 65535")  # in the arguments of Pillow's decoders

_narrow_seen = threading.Event()


class UnreadableImage(UserError):
    """An image that cannot be read.

    Args:
        path: The file.
        reason: Short text on the cause.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f'images: {path} cannot be read ({reason}); repair or remove it')
        self.reason = reason


def read_image(path: str, shrink: int = 1) -> tuple[Image.Image, bytes]:
    """Read and decode an image; its format is read off the content.

    Gray, palette and CMYK images become RGB. As in OpenCV, the high 8 of 16 bits are kept and
    transparency is dropped. The camera's orientation is applied, and of several frames or pages
    the first is read. A process warns once of a 16-bit image that is nearly black, such as one
    that holds 12-bit values.

    Args:
        path: The file.
        shrink: Maximal factor, up to 8, by which the sides of a JPEG may be divided to decode it
            faster; it is read to its end nevertheless. Defaults to 1.

    Returns:
        The image in mode RGB, and the content of the file.

    Raises:
        UnreadableImage: If the file is missing, forbidden, not an image, truncated, too large, too
            long a strip, or has pixels without a fixed range (floating point, 32 bits).
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would wait forever
            raise ValueError('not a file')
        with open(path, 'rb') as file:
            content = file.read()
        if not content:
            raise ValueError('empty file')
        image = Image.open(io.BytesIO(content))
        if max(image.size) > MAX_ASPECT * min(image.size):
            raise ValueError(f'a strip of {image.width}x{image.height}')
        image.draft('RGB', (max(1, image.width // shrink), max(1, image.height // shrink)))
        deep = _has_16_bits(image)  # known only before its pixels are loaded
        ImageOps.exif_transpose(image, in_place=True)
        rgb = _to_rgb(image)
    except Exception as error:  # decoders raise different errors for each format
        raise UnreadableImage(path, _reason(error)) from error
    if deep:
        _warn_of_narrow_range(path, rgb)
    return rgb, content


def bgr_of(image: Image.Image) -> np.ndarray:
    """The pixels of an image of Pillow, as ``read_image`` reads those of a file.

    Args:
        image: An image of any mode, whose pixels may not be loaded yet.

    Returns:
        (H, W, 3) uint8, BGR.

    Raises:
        UserError: If its pixels cannot be loaded or have no fixed range.
    """
    try:
        rgb = _to_rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # decoders raise different errors for each format
        name = getattr(image, 'filename', '') or f'an image of mode {image.mode}'
        raise UserError(f'images: {name} cannot be read ({_reason(error)})') from error
    return np.ascontiguousarray(np.asarray(rgb)[..., ::-1])  # RGB -> BGR


def image_digest(path: str) -> str:
    """Compute the SHA-256 of an image file, which is decoded to its end as a check.

    Raises:
        UnreadableImage: If it cannot be decoded.
    """
    _, content = read_image(path, shrink=8)
    return hashlib.sha256(content).hexdigest()


def _has_16_bits(image: ImageFile.ImageFile) -> bool:
    return image.mode.startswith('I') or any(_16_BITS.search(str(tile[3])) for tile in image.tile)


def _warn_of_narrow_range(path: str, image: Image.Image) -> None:
    highest = int(np.asarray(image).max())
    if highest < NARROW and not _narrow_seen.is_set():
        _narrow_seen.set()
        warnings.warn(
            f'images: {path} has 16 bits, but no value above {highest * 256 + 255} of 65535, so '
            'that it is read nearly black; scale the values of such images to the whole range',
            stacklevel=3,
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith('I;16') or (image.mode == 'I' and image.format in ('PNG', 'PPM')):
        # Pillow would clip 16 bits instead of scaling them
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ('I', 'F'):
        raise ValueError('pixels without a fixed range; make it 8 or 16 bits')
    elif image.mode == 'P':
        image = image.convert('RGBA')  # spares a warning about transparency
    image.load()
    return image if image.mode == 'RGB' else image.convert('RGB')


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return 'not an image'
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
