"""The linear classifier on raw pixels."""

import json

import cv2
import numpy as np
import pytest
import torch

from gaia_ssl.evaluation import raw_pixels
from gaia_ssl.utils.paths import TOOLS


def write(folder, images):
    """Write images of each class as a split."""
    for name, items in images.items():
        (folder / name).mkdir(parents=True)
        for k, image in enumerate(items):
            cv2.imwrite(str(folder / name / f'{k:03d}.png'), image)


def bright_corner(corner, num, rng):
    """Noise with one corner brighter: only where a pixel is tells the class."""
    images = rng.integers(0, 100, (num, 8, 8, 3))
    y, x = divmod(corner, 2)
    images[:, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4] += 60
    return images.astype(np.uint8)


def test_separable_classes_are_told_apart(command, tmp_path):
    rng = np.random.default_rng(0)
    for split, num in dict(train=40, val=20).items():
        write(tmp_path / split, {f'c{k}': bright_corner(k, num, rng) for k in range(4)})
    out = tmp_path / 'out.json'
    command(TOOLS / 'quickstart/raw_pixels.py', tmp_path, '--out', out).check_returncode()
    result = json.loads(out.read_text())
    assert result['top1'] >= 0.95
    assert result['weight_decay'] in raw_pixels.WEIGHT_DECAYS
    assert len(result['held_out']) == len(raw_pixels.WEIGHT_DECAYS)


def test_nothing_is_learned_from_noise(tmp_path):
    rng = np.random.default_rng(0)
    for split, num in dict(train=60, val=150).items():
        noise = {name: rng.integers(0, 256, (num, 8, 8, 3)).astype(np.uint8) for name in 'ab'}
        write(tmp_path / split, noise)
    assert abs(raw_pixels.raw_pixel_top1(tmp_path)['top1'] - 0.5) < 0.1


def test_pixels_and_classes_are_read_in_order(tmp_path):
    write(tmp_path, dict(b=[np.full((2, 2, 3), 255)], a=[np.zeros((2, 2, 3))] * 2))
    pixels, labels = raw_pixels.read_pixels(tmp_path)
    assert labels.tolist() == [0, 0, 1]
    assert pixels.shape == (3, 12) and pixels.sum(1).tolist() == [0, 0, 12]


@pytest.mark.parametrize('weight_decay', [0.01, 1.0])
def test_the_fit_is_the_optimum(weight_decay):
    """Against Newton's method on the two-class problem with one weight vector, w = w1 - w0.

    With the symmetric solution w1 = -w0 = w / 2 the penalty of both is a quarter of w's.
    """
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 3))
    y = (x @ [1.0, -2.0, 0.5] + rng.normal(size=60) > 0.3).astype(float)
    design = np.hstack([x, np.ones((60, 1))])
    penalty = np.diag([weight_decay / 2] * 3 + [0])
    w = np.zeros(4)
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ w))
        gradient = design.T @ (p - y) / 60 + penalty @ w
        hessian = (design.T * (p * (1 - p))) @ design / 60 + penalty
        w -= np.linalg.solve(hessian, gradient)
    predict = raw_pixels.fit_logistic(
        torch.from_numpy(x).float(), torch.from_numpy(y).long(), weight_decay, 2
    )
    new = rng.normal(size=(4000, 3))
    expected = new @ w[:3] + w[3] > 0
    assert (predict(torch.from_numpy(new).float()).numpy() == expected).mean() > 0.998
