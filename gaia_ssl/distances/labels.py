"""Scores by labels: the share of images that a classifier of frozen features gets wrong."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.registry import DISTANCES

from .knn import weighted_knn
from .ridge import ridge_scores
from .whole_set import FeatureScore, PositionScore, WholeSetScore

IGNORED = 255
"""The class of pixels that have none."""


class LabelScore(WholeSetScore):
    """Base class of the scores by labels, which are the targets of labeled images.

    Images at even places are classified by those at odd ones, and the other way round.

    Attributes:
        labels: The kind of label, ``'class'`` of an image or ``'map'`` of classes of pixels.
    """

    reads = 'map'
    least_images = 4
    labels: ClassVar[str]


class ClassScore(LabelScore, FeatureScore):
    """Base class of the scores by the classes of images, (N,).

    It reads the last stage's maps, averaged over positions.
    """

    task = 'global'
    labels = 'class'

    def prepare(self, targets: Iterable[Tensor]) -> Tensor:
        """The classes of all images, (N,)."""
        return self.merge(list(targets))

    def compare(self, features: Tensor, prepared: Tensor, eps: float) -> float:
        """(N, D), (N,) -> the share that is classified wrongly."""
        wrong = 0
        classes = int(prepared.max()) + 1
        for known, asked in ((0, 1), (1, 0)):
            found = self.classify(
                features[known::2], prepared[known::2], features[asked::2], classes
            )
            wrong += int((found != prepared[asked::2]).sum())
        return wrong / len(prepared)

    @abstractmethod
    def classify(self, known: Tensor, labels: Tensor, asked: Tensor, classes: int) -> Tensor:
        """The classes of features, (M, D) -> (M,), from known ones, (N, D) and (N,)."""


@DISTANCES.register_module(name='global_label_knn')
class LabelKNN(ClassScore):
    """1 - kNN top-1, see ``weighted_knn``."""

    def classify(self, known: Tensor, labels: Tensor, asked: Tensor, classes: int) -> Tensor:
        """(M, D) -> (M,)."""
        # in single precision, whose products take half the time
        queries, bank = (F.normalize(x, dim=1).float() for x in (asked, known))
        return weighted_knn(queries, bank, labels, classes)


@DISTANCES.register_module(name='global_label_ridge')
class LabelRidge(ClassScore):
    """1 - top-1 of a linear classifier by ridge regression, see ``ridge_scores``."""

    def classify(self, known: Tensor, labels: Tensor, asked: Tensor, classes: int) -> Tensor:
        """(M, D) -> (M,)."""
        return ridge_scores(known, labels, asked).argmax(1)


@DISTANCES.register_module(name='dense_label_ridge')
class LabelMapRidge(LabelScore, PositionScore):
    """1 - mIoU of a linear classifier of positions by ridge regression, see ``ridge_scores``.

    A position of a map has the class of the pixel at its centre; those of the value 255 have none.
    mIoU is over the positions of all images, a mean over the classes that are there.

    Args:
        cells: See ``PositionScore``. Defaults to 14.
    """

    labels = 'map'

    def target(self, feature: Tensor) -> Tensor:
        """The features of a group, (N, C, H, W), averaged over cells."""
        return self.averaged(feature)

    def collect(self, feature: Tensor, target: Tensor) -> Tensor:
        """The same."""
        return self.target(feature)

    def prepare(self, targets: Iterable[Tensor]) -> Tensor:
        """The label maps of all images, (N, H, W)."""
        return self.merge(list(targets))

    def score(self, kept: Tensor, prepared: Tensor) -> float:
        """(N, C, h, w), (N, H, W) -> a number in [0, 1]."""
        if not kept.isfinite().all():
            return torch.nan
        rows, columns = (
            ((torch.arange(cells, device=kept.device) + 0.5) * pixels / cells).long()
            for cells, pixels in zip(kept.shape[2:], prepared.shape[1:], strict=True)
        )
        labels = prepared[:, rows][:, :, columns]  # (N, H, W) -> (N, h, w)
        features = kept.double().movedim(1, 3)  # (N, C, h, w) -> (N, h, w, C)
        classes, labels = labels.unique(return_inverse=True)
        valid = classes[labels] != IGNORED
        confusion = kept.new_zeros(len(classes), len(classes), dtype=torch.double)
        for known, asked in ((0, 1), (1, 0)):
            inside, other = valid[known::2], valid[asked::2]
            found = ridge_scores(
                features[known::2][inside], labels[known::2][inside], features[asked::2][other]
            ).argmax(1)
            pairs = labels[asked::2][other] * len(classes) + found
            confusion += pairs.bincount(minlength=len(classes) ** 2).view_as(confusion)
        both = confusion.sum(0) + confusion.sum(1)
        there = confusion.sum(1) > 0
        right = confusion.diagonal()[there]
        return 1 - (right / (both[there] - right)).mean().item()
