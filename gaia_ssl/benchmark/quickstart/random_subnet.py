"""Copy an extracted folder with random weights, as a baseline.

Their batch norms get their statistics from the images that the trained subnet's were calibrated on:
what a probe freezes is then a working network, and the weights are all that differs.
"""

import shutil
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import set_random_seed

from gaia_ssl.downstream.subnet import WEIGHTS_FILE
from gaia_ssl.export.calibrate import CalibrationImages, calibrate
from gaia_ssl.export.output_folder import new_folder
from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import write_checkpoint
from gaia_ssl.utils.cli import load_config
from gaia_ssl.utils.weights import init_quietly


def random_checkpoint(subnet: Path, seed: int) -> dict[str, Any]:
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
    init_quietly(backbone)
    meta.update(source=dict(random_seed=seed), calibration=calibrate(backbone, images))
    return dict(state_dict=dict(backbone.state_dict()), meta=meta)


def write_random_subnet(subnet: Path, seed: int, out: Path) -> None:
    """Copy an extracted folder, with random weights in place of the trained ones.

    Args:
        subnet: The extracted folder, calibrated.
        seed: Seed of the weights.
        out: The folder to write.

    Raises:
        UserError: If the folder is not calibrated.
    """
    with new_folder(str(out)) as draft:
        checkpoint = random_checkpoint(subnet, seed)
        ignored = shutil.ignore_patterns('__pycache__')
        shutil.copytree(subnet, draft, dirs_exist_ok=True, ignore=ignored)
        write_checkpoint(checkpoint, str(Path(draft) / WEIGHTS_FILE))
