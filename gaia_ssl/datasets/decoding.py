"""Image files of any kind, decoded to their end, as 8-bit RGB."""

import hashlib
import io
import os
import stat

import numpy as np
from PIL import Image, ImageOps

from gaia_ssl.utils import UserError

MAX_ASPECT = 1000  # resized by its short edge, a longer strip would fill the memory


class UnreadableImage(UserError):
    """An image that cannot be read.

    Args:
        path: The file.
        reason: What is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f'images: {path} cannot be read ({reason}); mend it or take it out')
        self.reason = reason


def read_image(path: str, shrink: int = 1) -> tuple[Image.Image, bytes]:
    """Read and decode an image, whatever its extension says.

    Gray, palette and CMYK become RGB; of 16 bits the high 8 are kept and transparency is dropped,
    both as OpenCV does; the camera's orientation is applied.

    Args:
        path: The file.
        shrink: By how much the sides of a JPEG may be divided to decode it faster: at most, and 8
            at the most; it is read to its end all the same. Defaults to 1.

    Returns:
        The image in mode RGB, and the content of the file.

    Raises:
        UnreadableImage: If it is missing, forbidden, no image, truncated, too large, too long a
            strip, or has pixels without a fixed range (floating point, 32 bits).
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
        image.draft('RGB', tuple(max(1, side // shrink) for side in image.size))
        ImageOps.exif_transpose(image, in_place=True)
        return _to_rgb(image), content
    except Exception as error:  # what a decoder raises is up to the format
        raise UnreadableImage(path, _reason(error)) from error


def image_digest(path: str) -> str:
    """The SHA-256 of an image file that can be decoded to its end.

    Raises:
        UnreadableImage: If it cannot.
    """
    _, content = read_image(path, shrink=8)
    return hashlib.sha256(content).hexdigest()


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
