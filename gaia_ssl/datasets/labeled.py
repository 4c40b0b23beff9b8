"""Sets of labeled images, in one folder per class."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

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

    def select(self: T, indices: Iterable[int]) -> T:
        """The images at some indices, with their labels."""
        indices = list(indices)
        chosen = super().select(indices)
        chosen.labels = [self.labels[i] for i in indices]
        return chosen
