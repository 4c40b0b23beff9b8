"""Loading an image."""

import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile

from gaia_ssl.registry import TRANSFORMS
from gaia_ssl.utils import UserError

from .decoding import UnreadableImage, read_image


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """mmcv's ``LoadImageFromFile``, which names an image that cannot be read.

    Raises:
        UserError: If the file is missing or no image.
    """

    def transform(self, results: dict) -> dict:
        """Load ``results['img_path']`` into ``results['img']``, (H, W, C) uint8, BGR."""
        try:
            return super().transform(results)
        except Exception as error:  # what a decoder raises is up to its library
            raise UserError(
                f'images: {results["img_path"]} cannot be read; mend it or take it out'
            ) from error


@TRANSFORMS.register_module()
class LoadAnyImage(BaseTransform):
    """Load an image of any kind as 8-bit colour, see ``read_image``.

    Unlike OpenCV, it refuses an image that ends early.

    Raises:
        UserError: If the image cannot be read.
    """

    def transform(self, results: dict) -> dict:
        """Load ``results['img_path']`` into ``results['img']``, (H, W, C) uint8, BGR."""
        try:
            image, _ = read_image(results['img_path'])
        except UnreadableImage as error:
            # a data loader's worker hands on only what one argument makes
            raise UserError(str(error)) from error
        results['img'] = np.array(image)[..., ::-1]  # RGB -> BGR
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results
