"""``FolderProbes``: accuracy of kNN and of a linear probe of networks on labeled folders."""

import math
from collections.abc import Hashable, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.dist import get_dist_info

from gaia_ssl.datasets.labeled import LabeledImageSet
from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.distances import ridge_scores, weighted_knn
from gaia_ssl.export.calibrate import BATCH, CALIBRATION_IMAGES
from gaia_ssl.search.progress import Progress
from gaia_ssl.utils import UserError

from .features import PooledFeatures, report_nothing


class Top1(NamedTuple):
    """The top-1 of a network's frozen features, in percent.

    Attributes:
        knn: Of its nearest neighbours, see ``weighted_knn``.
        linear: Of a linear probe, see ``ridge_scores``.
    """

    knn: float
    linear: float


class FolderProbes:
    """kNN and a linear probe of static backbones on labeled folders.

    A feature is the average over positions of a backbone's last output, L2-normalised. Batch norms
    are calibrated on images of the first folder, as extraction does: a supernet's own statistics
    belong to no subnet, and those of a batch would depend on which images share it.

    Args:
        config: Pretraining config, for the preprocessing and the defaults: its ``search`` may
            hold ``input_size`` and ``pipeline``.
        train: Folder of the images whose labels are known, one folder inside per class.
        val: Folder of the images to classify, with the same classes or fewer.
        input_size: Side of the images in pixels. Defaults to the config's, then to 224.
        k: Neighbours that vote. Defaults to 20.
        temperature: See ``weighted_knn``. Defaults to 0.07.
        num_workers: Processes that decode images; 0 for none beside this one. Defaults to 2.
        calibration: How many images to calibrate on, at most; 0 to keep the statistics that the
            networks have. Defaults to 2048.

    Attributes:
        majority: The share of the images to classify that are of the largest class, in percent:
            the top-1 of who always says it.

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
        calibration: int = CALIBRATION_IMAGES,
    ) -> None:
        defaults = SearchDefaults.of(config, input_size)
        self.input_size = defaults.input_size
        numbers = dict(input_size=self.input_size, k=k, temperature=temperature)
        for field, value in numbers.items():
            if not isinstance(value, Real) or not value > 0:
                raise UserError(f'{field}: {value} is not positive')
        for field, value in dict(num_workers=num_workers, calibration=calibration).items():
            if not isinstance(value, Integral) or value < 0:
                raise UserError(f'{field}: {value} is not a whole number from 0')
        self.train = LabeledImageSet(train, defaults.pipeline)
        self.val = LabeledImageSet(val, defaults.pipeline)
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
        self.calibration = min(len(self.train), calibration)
        self.features = PooledFeatures(config, num_workers)
        largest = max(map(self.val.labels.count, set(self.val.labels)))
        self.majority = 100 * largest / len(self.val)

    def describe(self) -> dict[str, Any]:
        """The settings of the evaluation, ready for JSON."""
        return dict(
            train=self.train.root,
            val=self.val.root,
            train_images=len(self.train),
            val_images=len(self.val),
            classes=self.train.classes,
            majority=round(self.majority, 4),
            input_size=self.input_size,
            k=self.k,
            temperature=self.temperature,
            calibration_images=self.calibration,
        )

    def __call__(
        self, nets: Mapping[Any, nn.Module], show_progress: bool = False
    ) -> dict[Hashable, Top1]:
        """Judge some networks, decoding images once for all; processes share the work.

        Args:
            nets: Static backbones by name, all on one device. Their batch norms are calibrated, and
                they end in eval mode.
            show_progress: Print the passes done and the time left. Defaults to False.

        Returns:
            The top-1 of each, the same in every process.
        """
        report = self._progress(len(nets)) if show_progress else report_nothing
        if self.calibration:
            self.features.calibrate(nets, self.train, self.calibration, report)
        features = self.features(nets, self.train, report)
        queries = self.features(nets, self.val, report)
        labels, answers = self._labels(self.train), self._labels(self.val)
        device = next(next(iter(nets.values())).parameters()).device
        num_classes = len(self.train.classes)
        top1 = {}
        for name in nets:
            asked, known = queries[name].to(device), features[name].to(device)
            classes = labels.to(device)
            nearest = weighted_knn(asked, known, classes, num_classes, self.k, self.temperature)
            linear = ridge_scores(known.double(), classes, asked.double()).argmax(1)
            shares = [(found.cpu() == answers).double().mean() for found in (nearest, linear)]
            top1[name] = Top1(*(100 * share.item() for share in shares))
        return top1

    def _progress(self, num_nets: int) -> Progress:
        """The progress of this process, of which the first prints its own."""
        rank, world = get_dist_info()
        shares = [len(range(rank, len(images), world)) for images in (self.train, self.val)]
        batches = sum(math.ceil(num / BATCH) for num in (self.calibration, *shares))
        return Progress(num_nets * batches, 'judging: ', quiet=rank > 0)

    def _labels(self, images: LabeledImageSet) -> torch.Tensor:
        """The images' classes as positions among those of ``train``, int (N, )."""
        positions = [self.train.classes.index(name) for name in images.classes]
        return torch.tensor([positions[label] for label in images.labels])
