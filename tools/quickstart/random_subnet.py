"""Copy an extracted folder, with random weights in place of the trained ones.

Usage: python tools/quickstart/random_subnet.py SUBNET --seed 0 --out OUT

Its batch norms get their statistics from the images that the trained subnet's were calibrated on:
what a probe freezes is then a working network, and the weights are all that differs.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import set_random_seed

from gaia_ssl.export.calibrate import CalibrationImages, calibrate
from gaia_ssl.export.folder import WEIGHTS_FILE, new_folder
from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import load_config, run_cli


def randomise(subnet: Path, seed: int) -> dict[str, Any]:
    """Make a checkpoint of random weights.

    Args:
        subnet: The extracted folder, calibrated.
        seed: Seed of the weights.

    Returns:
        ``state_dict`` and ``meta``, as extraction writes them.
    """
    meta = torch.load(subnet / WEIGHTS_FILE, weights_only=True)['meta']
    given = meta['calibration']
    if not given:
        raise UserError(f'{subnet} is not calibrated; extract it with --calibrate')
    pretraining = load_config(meta['source']['config'])
    images = CalibrationImages(pretraining, given['folder'], meta['input_size'], given['images'])
    options = Config.fromfile(subnet / 'mmpretrain_linear_imagenet.py').model.backbone
    set_random_seed(seed)
    backbone = MODELS.build(dict(options, init_cfg=None, frozen_stages=-1))
    backbone.init_weights()
    meta.update(source=dict(random_seed=seed), calibration=calibrate(backbone, images))
    return dict(state_dict=dict(backbone.state_dict()), meta=meta)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('subnet', type=Path, help='folder of tools/extract.py --calibrate')
    parser.add_argument('--seed', type=int, default=0, help='seed of the weights')
    parser.add_argument('--out', type=Path, required=True, help='folder to write')
    args = parser.parse_args()
    with new_folder(str(args.out)) as draft:
        checkpoint = randomise(args.subnet, args.seed)
        shutil.copytree(
            args.subnet, draft, dirs_exist_ok=True, ignore=shutil.ignore_patterns('__pycache__')
        )
        torch.save(checkpoint, Path(draft) / WEIGHTS_FILE)


if __name__ == '__main__':
    run_cli(main)
