"""Unlabeled images."""

import copy
from collections.abc import Iterable, Sequence

import numpy as np
from torch import Tensor

from gaia_ssl.registry import DATASETS, TRANSFORMS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.errors import is_bug, reason

from .sources import find_images


def default_pipeline(input_size: int) -> list[dict]:
    """Load, resize the short edge, crop the centre, pack: ImageNet's evaluation proportions."""
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
class ImageSet(Sequence):
    """Images, each through a pipeline of transforms.

    Args:
        sources: Where they are: one source or several, see ``find_images``.
        pipeline: Configs of transforms, from loading to packing, none of them random.

    Attributes:
        sources: The sources.
        pipeline: The configs.
        names: Name of each image, sorted, unique, and the same wherever the sources lie.

    Raises:
        UserError: See ``find_images``.
    """

    def __init__(self, sources: str | Sequence[str], pipeline: Sequence[dict]) -> None:
        self.sources = [sources] if isinstance(sources, str) else list(sources)
        files = find_images(self.sources)
        self.names = [file.name for file in files]
        self._paths = [file.path for file in files]
        self.pipeline = list(pipeline)
        self.transforms = [TRANSFORMS.build(transform) for transform in pipeline]

    def path(self, index: int) -> str:
        """Path of an image."""
        return self._paths[index]

    def select(self, indices: Iterable[int]) -> 'ImageSet':
        """Only these of the images, through the same pipeline."""
        chosen, indices = copy.copy(self), list(indices)
        chosen.names = [self.names[i] for i in indices]
        chosen._paths = [self._paths[i] for i in indices]
        return chosen

    def subset(self, num: int, seed: int) -> 'ImageSet':
        """At most ``num`` of the images, drawn uniformly, in the same order as before.

        With the same seed, a larger subset holds the smaller one.

        Raises:
            UserError: If ``num`` is not positive.
        """
        if num < 1:
            raise UserError(f'num_images: {num} is too few; give 1 or more')
        return self.select(sorted(np.random.default_rng(seed).permutation(len(self))[:num]))

    def check_size(self, side: int, field: str) -> None:
        """Check on the first image that the pipeline makes squares of ``side`` pixels.

        Args:
            side: What the user said.
            field: What they said it with.

        Raises:
            UserError: If it makes others.
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
        results = dict(img_path=self.path(index))
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
