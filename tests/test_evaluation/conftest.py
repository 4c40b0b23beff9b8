"""Folders of images whose classes are told by their colour."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.config import Config

COLOURS = dict(blue=(200, 40, 40), green=(40, 200, 40), red=(40, 40, 200))  # BGR


def write_folder(root, number, seed, classes=tuple(COLOURS)):
    rng = np.random.default_rng(seed)
    for name in classes:
        (root / name).mkdir(parents=True)
        for index in range(number):
            noise = rng.normal(scale=25, size=(24, 24, 3))
            image = np.clip(COLOURS[name] + noise, 0, 255).astype(np.uint8)
            cv2.imwrite(str(root / name / f'{index}.png'), image)
    return root


@pytest.fixture(scope='session')
def labeled(tmp_path_factory):
    """``train`` and ``val``, and how to write others."""
    root = tmp_path_factory.mktemp('colours')
    return SimpleNamespace(
        train=str(write_folder(root / 'train', 7, 0)),
        val=str(write_folder(root / 'val', 4, 1)),
        write=write_folder,
        config=Config(
            dict(
                model=dict(data_preprocessor=dict(mean=[127.5] * 3, std=[64.0] * 3, to_rgb=True)),
                search=dict(input_size=20),
            )
        ),
    )
