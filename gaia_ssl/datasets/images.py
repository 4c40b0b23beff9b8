"""A folder of unlabeled images."""

import hashlib
import io
import os
import os.path as osp
from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from gaia_ssl.registry import TRANSFORMS
from gaia_ssl.utils import UserError

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.ppm', '.pgm', '.tif', '.tiff')


def list_images(root: str) -> list[str]:
    """The images below a folder, however deep, sorted; labels and hidden files are ignored.

    Returns:
        Their paths relative to ``root``, with forward slashes.

    Raises:
        UserError: If there is no such folder, or no image in it.
    """
    if not osp.isdir(root):
        raise UserError(f'images: {root} is not a folder')
    names = []
    for folder, _, files in os.walk(root, followlinks=True):
        names += [
            osp.relpath(osp.join(folder, name), root).replace(os.sep, '/')
            for name in files
            if name.lower().endswith(EXTENSIONS) and not name.startswith('.')
        ]
    if not names:
        raise UserError(f'images: {root} holds no image ({", ".join(EXTENSIONS)})')
    return sorted(names)


def image_digest(path: str) -> str:
    """The SHA-256 of an image file that can be decoded to its end.

    Raises:
        UserError: If it cannot.
    """
    try:
        with open(path, 'rb') as file:
            content = file.read()
        with Image.open(io.BytesIO(content)) as image:
            # a JPEG is then decoded at an eighth of its size, but still read to its end
            image.draft('RGB', (max(1, image.width // 8), max(1, image.height // 8)))
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = 'not an image' if isinstance(error, Image.UnidentifiedImageError) else error
        raise UserError(
            f'images: {path} cannot be read ({reason}); mend it or take it out'
        ) from error
    return hashlib.sha256(content).hexdigest()


def default_pipeline(input_size: int) -> list[dict]:
    """Load, resize the short edge, crop the centre, pack: ImageNet's evaluation proportions."""
    return [
        # unlike OpenCV, Pillow refuses an image that ends early
        dict(type='mmpretrain.LoadImageFromFile', imdecode_backend='pillow'),
        dict(
            type='mmpretrain.ResizeEdge',
            scale=round(input_size * 256 / 224),
            edge='short',
            backend='pillow',
        ),
        dict(type='mmpretrain.CenterCrop', crop_size=input_size),
        dict(type='mmpretrain.PackInputs'),
    ]


class UnlabeledImages(Sequence):
    """The images of a folder, each through a pipeline of transforms.

    Args:
        root: The folder.
        pipeline: Configs of transforms, from loading to packing, none of them random.

    Raises:
        UserError: See ``list_images``.
    """

    def __init__(self, root: str, pipeline: Sequence[dict]) -> None:
        self.root = root
        self.pipeline = list(pipeline)
        self.names = list_images(root)
        self.transforms = [TRANSFORMS.build(transform) for transform in pipeline]

    def path(self, index: int) -> str:
        """Path of an image."""
        return osp.join(self.root, self.names[index])

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
            return results['inputs']
        except Exception as error:
            raise UserError(
                f'images: {self.path(index)} does not pass the pipeline '
                f'({type(error).__name__}: {error})'
            ) from error
