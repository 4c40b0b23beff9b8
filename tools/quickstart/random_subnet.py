"""Copy an extracted folder, with random weights in place of the trained ones.

Usage: python tools/quickstart/random_subnet.py CONFIG SUBNET --calibrate DIR --out OUT

Batch norms get their statistics from the same images as those of the trained subnet, so that the
weights are all that differs.
"""

import argparse
import os
import shutil
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import set_random_seed

from gaia_ssl.export.calibrate import CalibrationImages, calibrate
from gaia_ssl.registry import MODELS
from gaia_ssl.utils.cli import load_config, run_cli


def randomise(folder: Path, images: CalibrationImages, seed: int) -> dict:
    """A subnet's checkpoint with random weights.

    Args:
        folder: The extracted folder.
        images: The images to calibrate on.
        seed: Seed of the weights.

    Returns:
        ``state_dict`` and ``meta``, as extraction writes them.
    """
    options = Config.fromfile(str(folder / 'mmpretrain_linear_imagenet.py')).model.backbone
    set_random_seed(seed)
    backbone = MODELS.build(dict(options, init_cfg=None, frozen_stages=-1))
    backbone.init_weights()
    meta = torch.load(folder / 'backbone.pth', weights_only=True)['meta']
    meta.update(source=dict(random_seed=seed), calibration=calibrate(backbone, images))
    return dict(state_dict=dict(backbone.state_dict()), meta=meta)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='pretraining config')
    parser.add_argument('subnet', type=Path, help='folder that tools/extract.py wrote')
    parser.add_argument('--calibrate', required=True, help='folder of images')
    parser.add_argument('--input-size', type=int, required=True, help='their side in pixels')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, required=True, help='folder to write')
    args = parser.parse_args()
    images = CalibrationImages(load_config(args.config), args.calibrate, args.input_size)
    checkpoint = randomise(args.subnet, images, args.seed)
    draft = args.out.with_name(f'{args.out.name}.tmp-{os.getpid()}')
    shutil.copytree(args.subnet, draft, ignore=shutil.ignore_patterns('__pycache__'))
    torch.save(checkpoint, draft / 'backbone.pth')
    os.replace(draft, args.out)


if __name__ == '__main__':
    run_cli(main)
