"""A linear classifier on raw pixels, the baseline of a linear probe.

The weight decay is the best of several on every fifth
training image held out; the classifier is then fitted on all of them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

WEIGHT_DECAYS = (1.0, 3.0, 10.0)
HELD_OUT = 5


def read_pixels(folder: Path) -> tuple[Tensor, Tensor]:
    """Read an image folder.

    Args:
        folder: Holds ``<class>/*.png``, all of one size.

    Returns:
        Pixels, float (N, 3 * H * W) in 0..1, and classes, int (N, ).
    """
    pixels, labels = [], []
    for label, name in enumerate(sorted(path.name for path in folder.iterdir())):
        for path in sorted((folder / name).glob('*.png')):
            pixels.append(cv2.imread(str(path)).ravel())
            labels.append(label)
    return torch.from_numpy(np.stack(pixels)).float() / 255, torch.tensor(labels)


def fit_logistic(
    pixels: Tensor, labels: Tensor, weight_decay: float, num_classes: int, iterations: int = 60
) -> Callable[[Tensor], Tensor]:
    """Fit multinomial logistic regression with L-BFGS.

    Args:
        pixels: (N, D), standardised.
        labels: (N, ).
        weight_decay: L2 penalty of the mean loss.
        num_classes: C.
        iterations: Most steps to take.

    Returns:
        A function that maps pixels (M, D) to classes (M, ).
    """
    # (C, D): the other way round its gradient takes ten times as long
    weight = torch.zeros(num_classes, pixels.shape[1], requires_grad=True)
    bias = torch.zeros(num_classes, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=iterations, history_size=10, line_search_fn='strong_wolfe'
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        penalty = 0.5 * weight_decay * weight.square().sum()
        loss = F.cross_entropy(F.linear(pixels, weight, bias), labels) + penalty
        loss.backward()
        return loss

    optimizer.step(closure)
    return lambda x: F.linear(x, weight, bias).argmax(1)


def raw_pixel_top1(folder: Path) -> dict[str, Any]:
    """Top-1 accuracy of the tuned classifier.

    Args:
        folder: Holds ``{train,val}/<class>/*.png``.

    Returns:
        ``top1`` on val, the ``weight_decay`` chosen, and ``held_out``, the top-1 of each.
    """
    (pixels, labels), (val_pixels, val_labels) = (
        read_pixels(folder / 'train'),
        read_pixels(folder / 'val'),
    )
    mean, std = pixels.mean(0), pixels.std(0) + 1e-6
    pixels, val_pixels = (pixels - mean) / std, (val_pixels - mean) / std
    num_classes = int(labels.max()) + 1
    held = torch.arange(len(labels)) % HELD_OUT == 0

    def top1(predict: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> float:
        return round((predict(x) == y).float().mean().item(), 4)

    held_out = {}
    for decay in WEIGHT_DECAYS:
        predict = fit_logistic(pixels[~held], labels[~held], decay, num_classes)
        held_out[decay] = top1(predict, pixels[held], labels[held])
    best = max(held_out, key=lambda decay: held_out[decay])
    predict = fit_logistic(pixels, labels, best, num_classes)
    return dict(top1=top1(predict, val_pixels, val_labels), weight_decay=best, held_out=held_out)
