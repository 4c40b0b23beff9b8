"""Ridge regression from standardised features, in closed form, and probes by it."""

import torch
import torch.nn.functional as F
from torch import Tensor

PENALTY = 1e-3  # times the number of images, for features of variance 1


def ridge_predict(known: Tensor, targets: Tensor, asked: Tensor, penalty: float) -> Tensor:
    """Predict targets by ridge regression on standardised features.

    Args:
        known: Features to learn from, (N, D).
        targets: Their targets, (N, E).
        asked: Features to predict for, (M, D).
        penalty: Times N, the penalty of squared weights.

    Returns:
        (M, E).
    """
    mean, std = known.mean(0), known.std(0).clamp_min(1e-12)
    known, asked = (known - mean) / std, (asked - mean) / std
    offset = targets.mean(0)
    gram = known.T @ known + penalty * len(known) * torch.eye(known.shape[1]).to(known)
    return asked @ torch.linalg.solve(gram, known.T @ (targets - offset)) + offset


def ridge_scores(known: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
    """Class scores by ridge regression of one-hot labels on standardised features.

    Args:
        known: Features to learn from, (N, D).
        labels: Their classes, int (N,).
        asked: Features to classify, (M, D).

    Returns:
        One score per class, (M, classes).
    """
    return ridge_predict(known, F.one_hot(labels).to(known), asked, PENALTY)
