"""Sets of labeled images, in one folder per class."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from gaia_ssl.utils import UserError

from .images import ImageSet

T = TypeVar('T', bound='LabeledImageSet')


class LabeledImageSet(ImageSet):
    """The images of a folder; their classes are the folders inside it, in sorted order.

    An image that two classes hold, by a link, is an image of each.

    Args:
        root: The folder.
        pipeline: Configs of transforms, from loading to packing, none of them random.

    Attributes:
        classes: Names of the classes that have images.
        labels: The class of each image, as a position in ``classes``.

    Raises:
        UserError: If the folder does not exist or has no image, or an image lies outside the
            class folders.
    """

    kind: ClassVar[str] = 'class'

    def __init__(self, root: str, pipeline: Sequence[dict]) -> None:
        super().__init__(root, pipeline, by_class=True)
        self.root = root
        for name in self.names:
            if '/' not in name:
                raise UserError(
                    f'images: {self.root}/{name} is not in a class folder; give a folder that '
                    'holds one folder per class'
                )
        names = [name.partition('/')[0] for name in self.names]
        self.classes = sorted(set(names))
        positions = {name: position for position, name in enumerate(self.classes)}
        self.labels = [positions[name] for name in names]

    def labels_id(self, index: int) -> int:
        """The class of an image."""
        return self.labels[index]

    def target(self, index: int) -> Tensor:
        """The class of an image, int ()."""
        return torch.tensor(self.labels[index])

    def select(self: T, indices: Iterable[int]) -> T:
        """The images at some indices, with their labels."""
        indices = list(indices)
        chosen = super().select(indices)
        chosen.labels = [self.labels[i] for i in indices]
        return chosen
