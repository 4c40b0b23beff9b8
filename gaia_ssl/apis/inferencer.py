"""Compute features of images, with MMEngine's inferencer interface."""

import os
import os.path as osp
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import PIL.Image
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import Compose
from mmengine.infer import BaseInferencer
from mmengine.model import BaseModel, ImgDataPreprocessor
from mmengine.structures import BaseDataElement
from torch import Tensor

from gaia_ssl.datasets.decoding import bgr_of
from gaia_ssl.datasets.images import default_pipeline
from gaia_ssl.datasets.sources import find_images
from gaia_ssl.downstream import Subnet
from gaia_ssl.registry import INFERENCERS, TRANSFORMS
from gaia_ssl.utils import UserError

from .extracted import load_subnet, pretraining_config

Image = str | os.PathLike | np.ndarray | PIL.Image.Image


class _Features(BaseModel):
    """A backbone with the normalisation of its pretraining."""

    def __init__(self, folder: str, out_indices: Sequence[int] | None) -> None:
        super().__init__(ImgDataPreprocessor(**Subnet.load(folder).preprocessing('bgr_to_rgb')))
        self.backbone = load_subnet(folder, out_indices=out_indices)

    def forward(
        self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor'
    ) -> tuple[Tensor, ...]:
        """Images (N, C, H, W) -> one map (N, C_i, H_i, W_i) per stage, in every mode."""
        return self.backbone(inputs)


@INFERENCERS.register_module()
class FeatureInferencer(BaseInferencer):
    """Extracts features of images with a subnet.

    Images are preprocessed as for a search: short edge resized, centre cropped, normalised as in
    pretraining. They are files, arrays (H, W, 3) of 8-bit BGR as OpenCV loads them, or images of
    Pillow of any mode. A folder means all images in it, see ``find_images``.

    Args:
        folder: Folder that ``tools/extract.py`` wrote.
        device: Device of the network. Defaults to an accelerator, if there is one.
        input_size: Side of the images in pixels. Defaults to the extraction's.
        out_indices: Stages whose feature maps are returned. Defaults to those of a feature pyramid.
        show_progress: Show a progress bar. Defaults to False.

    Raises:
        UserError: See ``load_subnet``; or if the size is not positive.

    Example:
        >>> inferencer = FeatureInferencer('work_dirs/subnet_coco')
        >>> vectors = inferencer(['a.jpg', 'b.jpg'], batch_size=2)['predictions']
        >>> maps = inferencer('a.jpg', pool=False)['predictions'][0]
    """

    forward_kwargs = {'pool'}

    def __init__(
        self,
        folder: str,
        device: str | None = None,
        input_size: int | None = None,
        out_indices: Sequence[int] | None = None,
        show_progress: bool = False,
    ) -> None:
        if input_size is None:
            input_size = pretraining_config(folder).search.input_size
        if input_size < 1:
            raise UserError(f'input_size: {input_size} is not a size in pixels')
        options = ConfigDict(folder=folder, input_size=input_size, out_indices=out_indices)
        super().__init__(options, device=device, scope='gaia_ssl', show_progress=show_progress)

    def forward(self, inputs: dict, pool: bool = True) -> list[Tensor] | list[tuple[Tensor, ...]]:
        """Features of a batch, on the CPU.

        Args:
            inputs: The batch that the pipeline packed.
            pool: Average the last stage's map over its positions. Defaults to True.

        Returns:
            For each image a vector (C, ), or without pooling a map (C_i, H_i, W_i) per stage.
        """
        maps = super().forward(inputs)
        if pool:
            return list(maps[-1].mean((2, 3)).cpu())  # (N, C, H, W) -> (N, C)
        return list(zip(*(stage.cpu() for stage in maps)))

    def _inputs_to_list(self, inputs: Image | Iterable[Image]) -> list[Image]:
        if isinstance(inputs, str | os.PathLike) and osp.isdir(inputs):
            return [file.path for file in find_images([inputs])]
        if isinstance(inputs, Image) or not isinstance(inputs, Iterable):
            return [inputs]
        images = list(inputs)
        if not images:
            raise UserError('images: none are given; give one or more')
        return images

    def preprocess(
        self, inputs: list[Image], batch_size: int = 1, **options: Any
    ) -> Iterator[dict[str, Any]]:
        """Load and pack images in batches.

        Raises:
            UserError: If the batch size is not positive, or an image cannot be read.
        """
        if batch_size < 1:
            raise UserError(f'batch_size: {batch_size} images at a time; give 1 or more')
        return super().preprocess(inputs, batch_size, **options)

    def visualize(self, inputs: list, preds: list) -> list:
        """Nothing to draw: the output is features."""
        return []

    def postprocess(
        self, preds: list, visualization: list, return_datasamples: bool = False
    ) -> dict[str, Any]:
        """Return the features as ``predictions``, or as the ``features`` of data samples."""
        if return_datasamples:
            preds = [BaseDataElement(features=features) for features in preds]
        return dict(predictions=preds, visualization=visualization)

    def _init_model(self, cfg: ConfigDict, weights: None, device: str) -> BaseModel:
        return _Features(cfg.folder, cfg.out_indices).to(device).eval()

    def _init_pipeline(self, cfg: ConfigDict) -> Callable[[Image], dict]:
        load, *others = map(TRANSFORMS.build, default_pipeline(cfg.input_size))

        def read(image: Image) -> dict:
            if isinstance(image, str | os.PathLike):
                return load(dict(img_path=os.fspath(image)))
            if isinstance(image, PIL.Image.Image):
                image = bgr_of(image)
            if not isinstance(image, np.ndarray):
                raise UserError(
                    f'images: {type(image).__name__} is not an image; give files, arrays or images '
                    'of Pillow'
                )
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise UserError(
                    f'images: an array of {image.dtype} {image.shape}; give 8-bit BGR, (H, W, 3)'
                )
            return dict(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])

        return Compose([read, *others])


def extract_features(
    folder: str,
    images: Image | Iterable[Image],
    batch_size: int = 32,
    **options: Any,
) -> Tensor:
    """Extract features of images with a subnet: its last output, averaged over positions.

    Args:
        folder: Folder that ``tools/extract.py`` wrote.
        images: Files, arrays (H, W, 3) of 8-bit BGR, images of Pillow, or a folder of images.
        batch_size: Images at a time. Defaults to 32.
        **options: See ``FeatureInferencer``, which for several calls loads the subnet only once.

    Returns:
        Float (N, C), on the CPU.

    Raises:
        UserError: See ``FeatureInferencer``; or if there is no image, or one cannot be read.
    """
    inferencer = FeatureInferencer(folder, **options)
    return torch.stack(inferencer(images, batch_size=batch_size)['predictions'])
