"""Sets of images with a label map each, a class per pixel, in the layout of ADE20K."""

import os.path as osp
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import file_digest

from .annotations.image_sizes import read_size
from .images import ImageSet
from .load_image import LoadAnyImage


class LabelMapSet(ImageSet):
    """The images of ``ROOT/images``; each has the label map ``ROOT/annotations/NAME.png``.

    Args:
        root: The folder.
        pipeline: Configs of transforms, from ``LoadAnyImage`` to packing, none of them random. They
            must not change what they do by an image's colours.

    Attributes:
        root: The folder.

    Raises:
        UserError: If the folder has no images, one has no label map, or the pipeline begins with
            another transform.
    """

    kind: ClassVar[str] = 'map'

    def __init__(self, root: str, pipeline: Sequence[dict]) -> None:
        super().__init__(osp.join(root, 'images'), pipeline)
        self.root = root
        if not isinstance(self.transforms[0], LoadAnyImage):
            raise UserError(
                'search.pipeline: label maps pass it too, so it must begin with LoadAnyImage'
            )
        missing = [name for name in self.names if not osp.isfile(self._map_path(name))]
        if missing:
            raise UserError(
                f'labels: {len(missing)} of {len(self)} images have no label map, such as '
                f'{self._map_path(missing[0])}'
            )

    def labels_id(self, index: int) -> str:
        """SHA-256 of the file of an image's label map."""
        return file_digest(self._map_path(self.names[index]))

    def target(self, index: int) -> Tensor:
        """The label map of an image after the pipeline, uint8 (H, W).

        The mask of each class passes the pipeline as an image does; a pixel has the class of the
        largest share.

        Raises:
            UserError: If the file cannot be read, or has not a class per pixel of the image.
        """
        path = self._map_path(self.names[index])
        try:
            with Image.open(path) as file:
                labels = np.asarray(file)
        except (OSError, UnidentifiedImageError) as error:
            raise UserError(f'labels: {path} cannot be read ({error})') from error
        size = read_size(self.path(index))
        if labels.dtype != np.uint8 or labels.shape != size:
            raise UserError(
                f'labels: {path} is {labels.dtype} of shape {labels.shape}, not a class in 8 bits '
                f'for each pixel of its image, {size}'
            )
        classes = np.unique(labels)
        shares = torch.stack([self._transformed(labels == value) for value in classes])
        return torch.from_numpy(classes)[shares.argmax(0)]

    def _transformed(self, mask: np.ndarray) -> Tensor:
        """A mask after the pipeline, (H, W)."""
        image = np.repeat(mask[..., None].astype(np.uint8) * 255, 3, axis=2)
        results: dict[str, Any] = dict(
            img=image, img_shape=mask.shape, ori_shape=mask.shape, img_path=''
        )
        for transform in self.transforms[1:]:
            results = transform(results)
        return results['inputs'][0]

    def _map_path(self, name: str) -> str:
        return osp.join(self.root, 'annotations', f'{osp.splitext(name)[0]}.png')


def is_label_map_set(root: str) -> bool:
    """Tell a folder of images and label maps from one of class folders."""
    return all(osp.isdir(osp.join(root, name)) for name in ('images', 'annotations'))
