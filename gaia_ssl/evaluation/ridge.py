"""Ridge probes: linear classification of frozen features in closed form."""

import torch
import torch.nn.functional as F
from torch import Tensor

PENALTY = 1e-3  # times the number of images, for features of variance 1


def ridge_scores(known: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
    """Class scores by ridge regression of one-hot labels on standardised features.

    Args:
        known: Features to learn from, (N, D).
        labels: Their classes, int (N,).
        asked: Features to classify, (M, D).

    Returns:
        One score per class, (M, classes).
    """
    mean, std = known.mean(0), known.std(0).clamp_min(1e-12)
    known, asked = (known - mean) / std, (asked - mean) / std
    classes = F.one_hot(labels).to(known)  # (N,) -> (N, classes)
    offset = classes.mean(0)
    gram = known.T @ known + PENALTY * len(known) * torch.eye(known.shape[1]).to(known)
    return asked @ torch.linalg.solve(gram, known.T @ (classes - offset)) + offset
