"""Record of what a training was made by: its settings, weights, annotations and images."""

import json
import os.path as osp
from typing import Any

from mmengine.config import Config
from torch.utils.data import Dataset

from gaia_ssl.datasets.training_images import training_images
from gaia_ssl.utils.files import file_digest, write_json

RECORD = 'training.json'
"""Name of the record in a work dir."""
TRAINING = (
    'model',
    'train_dataloader',
    'train_cfg',
    'optim_wrapper',
    'param_scheduler',
    'auto_scale_lr',
    'custom_hooks',
    'randomness',
    'load_from',
)
"""Sections of a config that decide the weights that a training ends with."""
TESTING = ('test_dataloader', 'test_cfg', 'test_evaluator')
"""Sections that decide, with those weights, the figures of a test."""
FILES = ('checkpoint', 'load_from', 'ann_file')
"""Settings that name a file, whose content counts and not its place."""
LOADING = (
    'num_workers',
    'persistent_workers',
    'prefetch_factor',
    'pin_memory',
    'worker_init_fn',
)
"""Settings of a dataloader that change its speed alone."""


def describe_config(config: Config, sections: tuple[str, ...] = TRAINING) -> dict[str, Any]:
    """Describe the settings that decide a result, as plain data.

    Args:
        config: The merged config.
        sections: Its sections that count.

    Returns:
        The sections, with the digests of files in place of their paths.
    """
    given = {name: config[name] for name in sections if config.get(name) is not None}
    return json.loads(json.dumps(_describe(given, ''), default=str))


def _describe(node: Any, folder: str) -> Any:
    if isinstance(node, dict):
        folder = node.get('data_root') or folder
        skipped = LOADING if 'dataset' in node else ()
        return {
            key: _file(value, folder) if key in FILES else _describe(value, folder)
            for key, value in node.items()
            if key not in skipped
        }
    if isinstance(node, list | tuple):
        return [_describe(value, folder) for value in node]
    return node


def _file(value: Any, folder: str) -> Any:
    """The digest of a local file, or the value of a setting that names none."""
    if not isinstance(value, str) or not value:
        return _describe(value, folder)
    path = osp.join(osp.expanduser(folder), osp.expanduser(value))
    return f'sha256:{file_digest(path)}' if osp.isfile(path) else value


def describe_dataset(dataset: Dataset) -> dict[str, Any]:
    """Describe the images of a training: their number, and the names of those without labels."""
    names = [part.names_sha256 for part in training_images(dataset)]
    return dict(number=len(dataset), names_sha256=names)  # type: ignore[arg-type] # it has a length


def read_record(folder: str) -> dict[str, Any] | None:
    """Read the record of a work dir; None if there is none that can be read."""
    try:
        with open(osp.join(folder, RECORD)) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def write_record(folder: str, config: dict[str, Any], images: dict[str, Any]) -> None:
    """Write the record of a work dir."""
    write_json(osp.join(folder, RECORD), dict(config=config, images=images))
