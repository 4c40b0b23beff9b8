"""Ridge regression from standardised features, in closed form, and probes by it."""

import torch
import torch.nn.functional as F
from torch import Tensor

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
"""Those that are tried, times the number of images, for features of variance 1."""


def ridge_predict(known: Tensor, targets: Tensor, asked: Tensor) -> Tensor:
    """Predict targets by ridge regression on standardised features.

    The penalty is that of ``PENALTIES`` with the least generalised cross-validation (Golub, Heath
    and Wahba, Technometrics 1979), which predicts the error on other images from the known ones. A
    fixed one would judge networks of about as many channels as there are images by far too bad.

    Args:
        known: Features to learn from, (N, D).
        targets: Their targets, (N, E).
        asked: Features to predict for, (M, D).

    Returns:
        (M, E).
    """
    mean, std = known.mean(0), known.std(0).clamp_min(1e-12)
    known, asked = (known - mean) / std, (asked - mean) / std
    offset = targets.mean(0)
    weights = _weights(known, targets - offset)
    return asked @ weights + offset


def _weights(x: Tensor, y: Tensor) -> Tensor:
    """The weights of the best penalty: centred (N, D), (N, E) -> (D, E)."""
    number, channels = x.shape
    # the smaller of the two equivalent systems
    wide = channels > number
    gram = x @ x.T if wide else x.T @ x
    right = y if wide else x.T @ y
    eye = torch.eye(len(gram), dtype=x.dtype, device=x.device)
    best, least = right, torch.inf
    for penalty in PENALTIES:
        scale = penalty * number
        # without a check: features that are not finite give predictions that are not
        factor, _ = torch.linalg.cholesky_ex(gram + scale * eye)
        inverse = torch.cholesky_inverse(factor)
        solution = inverse @ right
        if wide:
            residual = scale**2 * solution.square().sum()
        else:
            fitted = 2 * right - gram @ solution
            residual = y.square().sum() - (solution * fitted).sum()
        # the trace of the hat matrix; the mean is one more
        freedom = 1 + len(gram) - scale * inverse.trace()
        error = float(residual / (1 - freedom / number).clamp_min(1e-6) ** 2)
        if error < least:
            best, least = solution, error
    return x.T @ best if wide else best


def ridge_scores(known: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
    """Class scores by ridge regression of one-hot labels on standardised features.

    Args:
        known: Features to learn from, (N, D).
        labels: Their classes, int (N,).
        asked: Features to classify, (M, D).

    Returns:
        One score per class, (M, classes).
    """
    return ridge_predict(known, F.one_hot(labels).to(known), asked)
