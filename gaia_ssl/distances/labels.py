"""Scores by labels: the share of images that a classifier of frozen features gets wrong."""

from abc import abstractmethod
from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.registry import DISTANCES

from .knn import weighted_knn
from .ridge import ridge_scores
from .whole_set import FeatureScore


class LabelScore(FeatureScore):
    """Base class of the scores by labels.

    It reads the last stage's maps of labeled images, averaged over positions. Those at even places
    are classified by those at odd ones, and the other way round. A ``target`` of labeled images is
    their classes, (N,).
    """

    task = 'global'
    reads = 'map'
    least_images = 4

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
class LabelKNN(LabelScore):
    """1 - kNN top-1, see ``weighted_knn``."""

    def classify(self, known: Tensor, labels: Tensor, asked: Tensor, classes: int) -> Tensor:
        """(M, D) -> (M,)."""
        # in single precision, whose products take half the time
        queries, bank = (F.normalize(x, dim=1).float() for x in (asked, known))
        return weighted_knn(queries, bank, labels, classes)


@DISTANCES.register_module(name='global_label_ridge')
class LabelRidge(LabelScore):
    """1 - top-1 of a linear classifier by ridge regression, see ``ridge_scores``."""

    def classify(self, known: Tensor, labels: Tensor, asked: Tensor, classes: int) -> Tensor:
        """(M, D) -> (M,)."""
        return ridge_scores(known, labels, asked).argmax(1)
