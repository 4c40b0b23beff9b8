"""Transforms that load an image and report unreadable files."""

import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile

from gaia_ssl.registry import TRANSFORMS
from gaia_ssl.utils import UserError

from .decoding import UnreadableImage, read_image


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """mmcv's ``LoadImageFromFile`` with an error that names the image.

    Raises:
        UserError: If the file is missing or not an image.
    """

    def transform(self, results: dict) -> dict:
        """Load ``results['img_path']`` into ``results['img']``, (H, W, C) uint8, BGR."""
        try:
            return super().transform(results)
        except Exception as error:  # decoding libraries raise different errors
            raise UserError(
                f'images: {results["img_path"]} cannot be read; repair or remove it'
            ) from error


@TRANSFORMS.register_module()
class LoadAnyImage(BaseTransform):
    """Load an image of any format as 8-bit colour, see ``read_image``.

    Unlike OpenCV, it rejects truncated images.

    Raises:
        UserError: If the image cannot be read.
    """

    def transform(self, results: dict) -> dict:
        """Load ``results['img_path']`` into ``results['img']``, (H, W, C) uint8, BGR."""
        try:
            image, _ = read_image(results['img_path'])
        except UnreadableImage as error:
            # workers of a data loader can pass on only exceptions built from one argument
            raise UserError(str(error)) from error
        results['img'] = np.array(image)[..., ::-1]  # RGB -> BGR
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results
