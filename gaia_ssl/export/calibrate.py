"""Calibrate a subnet's batch-norm statistics on unlabeled images."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn as nn
from mmengine.config import Config
from torch import Tensor

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.datasets.training_images import training_images
from gaia_ssl.datasets.views import TrainingViews
from gaia_ssl.models.layers import batch_norms
from gaia_ssl.models.supernet import build_preprocessor
from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import data_digest, file_digest

BATCH = 64
"""Maximal number of images in a batch."""

CALIBRATION_IMAGES = 2048
"""Default number of images that statistics are measured on."""

NOTHING_TO_CALIBRATE = dict(folder=None, images=0, batches=0, batch_size=0, images_sha256=None)
"""The record of a network without batch norms."""


class CalibrationImages:
    """The images to calibrate on, preprocessed as in training.

    Args:
        config: Pretraining config; its ``search`` may hold ``pipeline``, as for a search.
        folder: Folder of images; labels are not needed. None for the views that the config trains
            on, with random crops and colours, as the batch norms saw them.
        input_size: Side of a folder's images in pixels.
        num: Maximal number of images, drawn with a fixed seed. Defaults to 2048.

    Raises:
        UserError: If there are fewer than two images, or they are not where the config says.
    """

    def __init__(
        self,
        config: Config,
        folder: str | None,
        input_size: int,
        num: int = CALIBRATION_IMAGES,
    ) -> None:
        self.folder = folder
        self.images: ImageSet | TrainingViews
        if folder is None:
            self.images = TrainingViews(config)
        else:
            found = ImageSet(folder, SearchDefaults.of(config, input_size).pipeline)
            found.check_size(input_size, 'input_size')
            self.images = found
        if num < 2:
            raise UserError(
                f'calibrate_num: {num} is too few for batch-norm statistics; give 2 or more'
            )
        if len(self.images) < 2:
            raise UserError(
                f'calibrate_on: {folder or "train_dataloader"} holds 1 image, too few for '
                'batch-norm statistics; give more'
            )
        # shuffled, since a folder's order is often that of its classes
        order = np.random.default_rng(0).permutation(len(self.images))[:num]
        self.order = [int(i) for i in order]
        self.batches = np.array_split(order, -(-len(order) // BATCH))
        self.preprocessor = build_preprocessor(config)

    def __len__(self) -> int:
        return sum(map(len, self.batches))

    def __iter__(self) -> Iterator[Tensor]:
        """Normalised batches of shape (N, C, H, W)."""
        for batch in self.batches:
            images = torch.stack([self.images[int(i)] for i in batch])
            yield self.preprocessor(dict(inputs=images, data_samples=None))['inputs']

    def describe(self) -> dict[str, Any]:
        """The record of a calibration, ready for JSON."""
        return dict(
            folder=self.folder,
            images=len(self),
            batches=len(self.batches),
            batch_size=max(map(len, self.batches)),
            images_sha256=self._digest,
        )

    @cached_property
    def _digest(self) -> str:
        """The digest of the images' names and of a folder's files, which are read for it once."""
        return data_digest(self._identities())

    def _identities(self) -> list:
        """The names of the images, and of a folder's files the digests."""
        if isinstance(self.images, TrainingViews):
            parts = training_images(self.images.dataset)
            return [len(self.images), [part.names_sha256 for part in parts]]
        return [(self.images.names[i], file_digest(self.images.path(i))) for i in self.order]


@torch.no_grad()
def average_statistics(backbone: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replace the running statistics by their average over batches of images.

    Args:
        backbone: The subnet; its weights stay as they are, and it ends in eval mode.
        batches: Normalised images, each (N, C, H, W), on the subnet's device. They are not read
            if the subnet has no batch norms.
    """
    backbone.eval()
    norms = batch_norms(backbone)
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over batches
        norm.train()
    for batch in batches:
        backbone(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    backbone.eval()


def calibrate(backbone: nn.Module, images: CalibrationImages) -> dict[str, Any]:
    """Replace the running statistics by their average over images.

    Args:
        backbone: The subnet; its weights stay as they are, and it ends in eval mode on the CPU.
        images: The images.

    Returns:
        The record of it.
    """
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    backbone.to(device)
    average_statistics(backbone, (batch.to(device) for batch in images))
    backbone.to('cpu')
    return images.describe()
