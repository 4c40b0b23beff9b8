"""Compute pooled features of images by frozen networks."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dist import all_gather_object, get_dist_info
from torch import Tensor
from torch.utils.data import DataLoader

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.export.calibrate import BATCH, average_statistics
from gaia_ssl.models.supernet import build_preprocessor
from gaia_ssl.utils import UserError

Nets = Mapping[Any, nn.Module]
Report = Callable[[int], None]
"""Takes the number of passes, a network on a batch each, that have been made since the last."""


def report_nothing(passes: int) -> None:
    """Report no progress."""


class PooledFeatures:
    """The last output of static backbones, averaged over windows and L2-normalised.

    Images are decoded once for all networks; processes share the work.

    Args:
        config: Pretraining config, for the preprocessing.
        num_workers: Processes that decode images; 0 for none beside this one. Defaults to 2.
        cells: Windows along each side, as large as they can be at one position apart: 1 for the
            average over all positions; 2 for the four windows of 6x6 in 7x7 that Goyal et al.
            (ICCV 2019) use. Defaults to 1.
    """

    def __init__(self, config: Config, num_workers: int = 2, cells: int = 1) -> None:
        self.preprocessor = build_preprocessor(config)
        self.num_workers = num_workers
        self.cells = cells

    @torch.no_grad()
    def calibrate(
        self, nets: Nets, images: ImageSet, num: int, report: Report = report_nothing
    ) -> None:
        """Replace the networks' batch-norm statistics by those of up to ``num`` images."""
        # mixed, since a folder's order is that of its classes
        order = np.random.default_rng(0).permutation(len(images))[:num]
        batches = list(self._batches(nets, images, order))
        for net in nets.values():
            average_statistics(net, batches)
            report(len(batches))

    @torch.no_grad()
    def __call__(
        self, nets: Nets, images: ImageSet, report: Report = report_nothing
    ) -> dict[Hashable, Tensor]:
        """Features of all images by network, the same in every process.

        Args:
            nets: Static backbones by name, all on one device; they end in eval mode.
            images: N images.
            report: Takes the progress. Defaults to none.

        Returns:
            For each network, (N, D) on the CPU, where D is channels x cells x cells.
        """
        rank, world = get_dist_info()
        share: dict[Hashable, list[Tensor]] = {name: [] for name in nets}
        for net in nets.values():
            net.eval()  # one extracted amid a training is not
        for batch in self._batches(nets, images, np.arange(rank, len(images), world)):
            for name, net in nets.items():
                share[name].append(self._pool(net(batch)[-1]).cpu())
            report(len(nets))
        shares = all_gather_object({name: torch.cat(parts) for name, parts in share.items()})
        features = {}
        for name in nets:
            features[name] = torch.empty(len(images), shares[0][name].size(1))
            for other, part in enumerate(shares):
                features[name][other::world] = part[name]
        return features

    def _pool(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C x cells x cells)."""
        window = [side - self.cells + 1 for side in maps.shape[2:]]
        if min(window) < 1:
            raise UserError(
                f'input_size: it makes features of {maps.size(2)}x{maps.size(3)}, too few for '
                f'{self.cells}x{self.cells} windows; give larger images'
            )
        pooled = F.avg_pool2d(maps, window, stride=1)  # (N, C, H, W) -> (N, C, cells, cells)
        return F.normalize(pooled.flatten(1), dim=1)

    def _batches(self, nets: Nets, images: ImageSet, order: np.ndarray) -> Iterator[Tensor]:
        """Normalised images in batches of nearly equal sizes, (N, C, H, W)."""
        device = next(next(iter(nets.values())).parameters()).device
        self.preprocessor.to(device)
        loader: DataLoader = DataLoader(
            images,
            batch_sampler=[b.tolist() for b in np.array_split(order, -(-len(order) // BATCH))],
            num_workers=self.num_workers,
            generator=torch.Generator(),  # the loader draws a number, not to be missed elsewhere
        )
        for batch in loader:
            yield self.preprocessor(dict(inputs=batch.to(device), data_samples=None))['inputs']
