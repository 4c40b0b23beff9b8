"""Dataset of the uncropped, unaugmented training images, to compute teacher embeddings on."""

import os

from mmcv.transforms import Compose
from torch import Tensor
from torch.utils.data import Dataset

from gaia_ssl.registry import TRANSFORMS
from gaia_ssl.utils.files import data_digest

from .training_images import TrainingImages


class WholeImages(Dataset[Tensor]):
    """The images of a ``TrainingImages``, each resized and cropped to the square at its centre.

    Args:
        images: Gives the files, and by its first transform their loading.
        side: Side of the squares in pixels.
    """

    def __init__(self, images: TrainingImages, side: int) -> None:
        self.images = images
        self.side = side
        resize = dict(
            type='mmpretrain.ResizeEdge', scale=side, edge='short', interpolation='bicubic'
        )
        crop = dict(type='mmpretrain.CenterCrop', crop_size=side)
        others = [resize, crop, dict(type='mmpretrain.PackInputs')]
        load = images.pipeline.transforms[0]
        self.transform = Compose([load, *(TRANSFORMS.build(transform) for transform in others)])

    def digest(self) -> str:
        """SHA-256 of the names and sizes of the files, in order, and of the side of the squares."""
        paths = [self.images.get_data_info(index)['img_path'] for index in range(len(self))]
        sizes = [os.path.getsize(path) for path in paths]
        return data_digest([self.images.names_sha256, sizes, self.side])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        """An image, (C, side, side)."""
        return self.transform(self.images.get_data_info(index))['inputs']
