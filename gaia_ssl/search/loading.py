"""Load batches of images, decoding the next one while the current one is used."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from gaia_ssl.datasets.images import ImageSet

DECODERS = 4  # threads that decode images: Pillow releases Python's lock
KEPT_BYTES = 1 << 30  # of decoded images that are kept for a later round


class BatchLoader:
    """Loads whole batch-norm groups of images, again and again.

    Args:
        images: The images.
        groups: The indices of the images of each group.
        normalise: Makes a batch of what ``images`` gives the input of the networks.
    """

    def __init__(
        self,
        images: ImageSet,
        groups: Sequence[range],
        normalise: Callable[[Tensor], Tensor],
    ) -> None:
        self.images, self.groups, self.normalise = images, groups, normalise
        self.kept: dict[range, Tensor] = {}
        self.kept_bytes = 0

    def __call__(self, batches: Sequence[range]) -> Iterator[Tensor]:
        """The normalised images of each batch, (N, C, H, W); the next one is decoded meanwhile.

        Args:
            batches: Consecutive groups, by their numbers.
        """
        with ThreadPoolExecutor(DECODERS) as pool:

            def submit(batch: range) -> list:
                if batch in self.kept:
                    return []
                indices = (i for group in batch for i in self.groups[group])
                return [pool.submit(self.images.__getitem__, i) for i in indices]

            following = submit(batches[0]) if batches else []
            for index, batch in enumerate(batches):
                current, following = following, []
                images = self._keep(batch, [image.result() for image in current])
                if index + 1 < len(batches):
                    following = submit(batches[index + 1])
                yield self.normalise(images)

    def _keep(self, batch: range, decoded: list[Tensor]) -> Tensor:
        if batch in self.kept:
            return self.kept[batch]
        images = torch.stack(decoded)
        if self.kept_bytes + images.nbytes <= KEPT_BYTES:
            self.kept[batch] = images
            self.kept_bytes += images.nbytes
        return images
