"""The transform that loads an image, for training, search and evaluation alike."""

import numpy as np
from mmcv.transforms import BaseTransform

from gaia_ssl.registry import TRANSFORMS
from gaia_ssl.utils import UserError

from .decoding import UnreadableImage, read_image


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
        results['img'] = np.ascontiguousarray(np.asarray(image)[..., ::-1])  # RGB -> BGR
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results
