"""The images of a search: chosen, checked and in batch-norm groups."""

from collections.abc import Sequence

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.datasets.readable import readable_images

from .groups import split_groups
from .settings import SearchSettings


class SearchImages:
    """The images that a search reads: a subset if asked for, without the unreadable ones.

    All images are read once, each process a share of them.

    Args:
        images: The images that were given.
        settings: The settings of the search.
        statistics: The networks have batch norms, see ``split_groups``. Defaults to True.

    Attributes:
        images: The images that are searched on.
        digests: SHA-256 of the file of each.
        bad: The images that cannot be read and are skipped.
        groups: Indices of the images of each batch-norm group.

    Raises:
        UserError: If too many images are unreadable, too few are left, or they are not of the
            size that the settings say.
    """

    def __init__(self, images: ImageSet, settings: SearchSettings, statistics: bool = True) -> None:
        if settings.num_images is not None:
            images = images.subset(settings.num_images, settings.seed)
        self.images, self.digests, self.bad = readable_images(images, settings.max_bad)
        self.groups = split_groups(len(self.images), settings.bn_group, statistics)
        self.images.check_size(settings.input_size, 'input_size')

    def __len__(self) -> int:
        return len(self.images)

    @property
    def least_group(self) -> int:
        """Images in the smallest group."""
        return min(map(len, self.groups))

    def sizes(self, batch: Sequence[int] | None = None) -> list[int]:
        """Images in each group.

        Args:
            batch: The groups, by their numbers. Defaults to all.
        """
        groups = self.groups if batch is None else [self.groups[number] for number in batch]
        return [len(group) for group in groups]
