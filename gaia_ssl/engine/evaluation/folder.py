"""kNN on labelled folders."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dist import all_gather_object, get_dist_info
from torch import Tensor
from torch.utils.data import DataLoader

from gaia_ssl.datasets.images import default_pipeline
from gaia_ssl.datasets.labelled import LabelledImages
from gaia_ssl.export.calibrate import BATCH, average_statistics
from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.preprocessor import preprocessor_options

from .knn import weighted_knn

CALIBRATION = 2048  # images


class FolderKNN:
    """kNN top-1 of static backbones on labelled folders.

    A feature is the average over positions of a backbone's last output, L2-normalised. Batch norms
    are calibrated on up to 2048 images of the first folder, as extraction does: a supernet's own
    statistics belong to no subnet, and those of a batch would depend on which images share it.

    Args:
        config: Pretraining config, for the preprocessing and the defaults: its ``search`` may
            hold ``input_size`` and ``pipeline``.
        train: Folder of the images whose labels are known, one folder inside per class.
        val: Folder of the images to classify, with the same classes or fewer.
        input_size: Side of the images in pixels. Defaults to the config's, then to 224.
        k: Neighbours that vote. Defaults to 20.
        temperature: See ``weighted_knn``. Defaults to 0.07.
        num_workers: Processes that decode images; 0 for none beside this one. Defaults to 2.

    Raises:
        UserError: If a folder has no classes, the classes do not agree, or a number is wrong.
    """

    def __init__(
        self,
        config: Config,
        train: str,
        val: str,
        input_size: int | None = None,
        k: int = 20,
        temperature: float = 0.07,
        num_workers: int = 2,
    ) -> None:
        options = config.get('search', {})
        self.input_size = options.get('input_size', 224) if input_size is None else input_size
        for field, value in dict(input_size=self.input_size, k=k, temperature=temperature).items():
            if not value > 0:
                raise UserError(f'{field}: {value} is not positive')
        pipeline = options.get('pipeline') or default_pipeline(self.input_size)
        self.train, self.val = LabelledImages(train, pipeline), LabelledImages(val, pipeline)
        if unknown := sorted(set(self.val.classes) - set(self.train.classes)):
            raise UserError(
                f'val: {val} has images of {unknown[0]!r}, but {train} has none; give folders of '
                'the same classes'
            )
        for field, images in dict(train=self.train, val=self.val).items():
            # each process takes some, and one alone has no batch statistics
            least = max(2 if field == 'train' else 1, get_dist_info()[1])
            if len(images) < least:
                raise UserError(
                    f'{field}: {images.root} holds {len(images)} images; give {least} or more'
                )
        self.train.check_size(self.input_size, 'input_size')
        self.k = k
        self.temperature = temperature
        self.num_workers = num_workers
        self.preprocessor = MODELS.build(preprocessor_options(config))

    def describe(self) -> dict[str, Any]:
        """What to record about an evaluation, ready for JSON."""
        return dict(
            train=self.train.root,
            val=self.val.root,
            train_images=len(self.train),
            val_images=len(self.val),
            classes=self.train.classes,
            input_size=self.input_size,
            k=self.k,
            temperature=self.temperature,
            calibration_images=min(len(self.train), CALIBRATION),
        )

    def __call__(self, nets: Mapping[Hashable, nn.Module]) -> dict[Hashable, float]:
        """Judge some networks, decoding images once for all; processes share the work.

        Args:
            nets: Static backbones by name, all on one device. Their batch norms are calibrated.

        Returns:
            The top-1 of each in percent, the same in every process.
        """
        self.calibrate(nets)
        return self.judge(nets)

    @torch.no_grad()
    def calibrate(self, nets: Mapping[Hashable, nn.Module]) -> None:
        """Calibrate the batch norms of some networks, which end in eval mode.

        Args:
            nets: Static backbones by name, all on one device.
        """
        self.preprocessor.to(_device(nets))
        # mixed, since a folder's order is that of its classes
        order = np.random.default_rng(0).permutation(len(self.train))[:CALIBRATION]
        batches = list(self._batches(self.train, order))
        for net in nets.values():
            average_statistics(net, batches)

    @torch.no_grad()
    def judge(self, nets: Mapping[Hashable, nn.Module]) -> dict[Hashable, float]:
        """Judge some networks with the statistics of batch norm that they have.

        Args:
            nets: Static backbones by name in eval mode, all on one device.

        Returns:
            The top-1 of each in percent, the same in every process.
        """
        device = _device(nets)
        self.preprocessor.to(device)
        features, labels = self._features(nets, self.train)
        queries, answers = self._features(nets, self.val)
        num_classes = len(self.train.classes)
        top1 = {}
        for name in nets:
            tensors = (queries[name].to(device), features[name].to(device), labels.to(device))
            predictions = weighted_knn(*tensors, num_classes, self.k, self.temperature)
            top1[name] = 100 * (predictions.cpu() == answers).double().mean().item()
        return top1

    def _features(
        self, nets: Mapping[Hashable, nn.Module], images: LabelledImages
    ) -> tuple[dict[Hashable, Tensor], Tensor]:
        """Features of all images by network, (N, D) on the CPU, and their classes, (N, )."""
        rank, world = get_dist_info()
        share = {name: [] for name in nets}
        for batch in self._batches(images, np.arange(rank, len(images), world)):
            for name, net in nets.items():
                features = net(batch)[-1].mean((2, 3))  # (N, D, H, W) -> (N, D)
                share[name].append(F.normalize(features, dim=1).cpu())
        shares = all_gather_object({name: torch.cat(parts) for name, parts in share.items()})
        positions = [self.train.classes.index(name) for name in images.classes]
        labels = torch.tensor([positions[label] for label in images.labels])
        return (
            {name: torch.cat([part[name] for part in shares]) for name in nets},
            torch.cat([labels[other::world] for other in range(world)]),
        )

    def _batches(self, images: LabelledImages, order: Sequence[int]) -> Iterator[Tensor]:
        """Normalised images in batches of nearly equal sizes, (N, C, H, W)."""
        loader = DataLoader(
            images,
            batch_sampler=[b.tolist() for b in np.array_split(order, -(-len(order) // BATCH))],
            num_workers=self.num_workers,
            generator=torch.Generator(),  # the loader draws a number, not to be missed elsewhere
        )
        device = self.preprocessor.device
        for batch in loader:
            yield self.preprocessor(dict(inputs=batch.to(device), data_samples=None))['inputs']


def _device(nets: Mapping[Hashable, nn.Module]) -> torch.device:
    return next(next(iter(nets.values())).parameters()).device
