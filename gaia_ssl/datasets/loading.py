"""Loading an image for training."""

from mmcv.transforms import LoadImageFromFile

from gaia_ssl.registry import TRANSFORMS
from gaia_ssl.utils import UserError


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
