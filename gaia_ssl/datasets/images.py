"""Sets of unlabeled images for search, calibration and features."""

import copy
import os
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from gaia_ssl.registry import DATASETS, TRANSFORMS
from gaia_ssl.utils import UserError, building
from gaia_ssl.utils.errors import is_bug, reason

from .sources import as_sources, find_images

T = TypeVar('T', bound='ImageSet')


def default_pipeline(input_size: int) -> list[dict]:
    """Transforms of ImageNet's evaluation: load, resize the short edge, crop the centre, pack."""
    return [
        dict(type='gaia_ssl.LoadAnyImage'),
        dict(
            type='mmpretrain.ResizeEdge',
            scale=round(input_size * 256 / 224),
            edge='short',
            backend='pillow',
        ),
        dict(type='mmpretrain.CenterCrop', crop_size=input_size),
        dict(type='mmpretrain.PackInputs'),
    ]


@DATASETS.register_module()
class ImageSet(Dataset[Tensor]):
    """Images without labels, each passed through a pipeline of transforms.

    Args:
        sources: One or several sources of images, see ``find_images``.
        pipeline: Configs of transforms, from loading to packing, none of them random.
        by_class: See ``find_images``. Defaults to False.

    Attributes:
        sources: The sources.
        pipeline: The configs.
        names: Names of the images, sorted, unique, and independent of the sources' location.

    Raises:
        UserError: See ``find_images``.
    """

    def __init__(
        self,
        sources: str | os.PathLike | Iterable[str | os.PathLike],
        pipeline: Sequence[dict],
        by_class: bool = False,
    ) -> None:
        self.sources = as_sources(sources)
        files = find_images(self.sources, by_class)
        self.names = [file.name for file in files]
        self._paths = [file.path for file in files]
        self.pipeline = list(pipeline)
        with building('search.pipeline', self.pipeline):
            self.transforms = [TRANSFORMS.build(transform) for transform in pipeline]

    def path(self, index: int) -> str:
        """The path of an image."""
        return self._paths[index]

    def select(self: T, indices: Iterable[int]) -> T:
        """The images at some indices, with the same pipeline."""
        chosen, indices = copy.copy(self), list(indices)
        chosen.names = [self.names[i] for i in indices]
        chosen._paths = [self._paths[i] for i in indices]
        return chosen

    def subset(self: T, num: int, seed: int) -> T:
        """Up to ``num`` images, drawn uniformly, in the order of the whole.

        With the same seed, a larger subset includes the smaller one.

        Raises:
            UserError: If ``num`` is not positive.
        """
        if num < 1:
            raise UserError(f'num_images: {num} is too few; give 1 or more')
        return self.select(sorted(np.random.default_rng(seed).permutation(len(self))[:num]))

    def check_size(self, side: int, field: str) -> None:
        """Check with the first image that the pipeline makes squares of ``side`` pixels.

        Args:
            side: The side that the user set.
            field: The field that it was set by, for the message.

        Raises:
            UserError: If the images have another size.
        """
        height, width = self[0].shape[-2:]
        if (height, width) != (side, side):
            raise UserError(
                f'search.pipeline: it makes images of {width}x{height}, but {field} is {side}; '
                'make them agree'
            )

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Tensor:
        """The packed ``inputs`` of an image, (C, H, W).

        Raises:
            UserError: If a transform fails on it.
        """
        results: dict[str, Any] = dict(img_path=self.path(index))
        try:
            for transform in self.transforms:
                results = transform(results)
        except UserError:
            raise
        except Exception as error:
            if is_bug(error):
                raise
            raise UserError(
                f'images: {self.path(index)} does not pass the pipeline ({reason(error)})'
            ) from error
        if 'inputs' not in (results or {}):
            raise UserError(
                'search.pipeline: it gives no inputs; end it with mmpretrain.PackInputs'
            )
        return results['inputs']
