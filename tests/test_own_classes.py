"""The configs of the guide to own classes train and evaluate on the data that the guide makes."""

import re
import shlex
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / 'docs/en/user_guides/own_classes.md').read_text()
CONFIGS = re.findall(r'`(my_\w+\.py)`.*?\n```python\n(.*?)^```', GUIDE, re.M | re.S)
LOADERS = [
    f'{split}_dataloader.{setting}'
    for split in ('train', 'val')
    for setting in ('num_workers=0', 'persistent_workers=False')
]
ONE_ITERATION = [
    'train_cfg.max_iters=1',
    'train_cfg.val_interval=1',
    'train_dataloader.batch_size=2',
    'default_hooks.checkpoint.interval=1',
]
# settings that make a training short: one iteration, or one epoch, of few or small images
SHORT = {
    'my_classes.py': ['train_cfg.max_epochs=1'],
    'my_detector.py': [
        'train_cfg.max_epochs=1',
        'train_dataloader.dataset.indices=2',
        'train_dataloader.dataset.pipeline.2.scales=[(128,128)]',
        'val_dataloader.dataset.pipeline.1.scale=(128,128)',
    ],
    'my_segmentor.py': ONE_ITERATION,
    'my_labels.py': ONE_ITERATION,
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory, command, extracted):
    """A folder with the guide's configs, its data and a subnet."""
    folder = tmp_path_factory.mktemp('own_classes')
    (folder / 'work_dirs').mkdir()
    (folder / 'work_dirs/subnet').symlink_to(extracted())
    _, tool, *options = shlex.split(re.search(r'^python tools/dataset_.*', GUIDE, re.M)[0])
    assert command(tool, *options, cwd=folder).returncode == 0
    for path in (folder / 'data/fashion/ade').rglob('*.*'):
        copy = folder / 'data/labels_from_zero' / path.relative_to(folder / 'data/fashion/ade')
        copy.parent.mkdir(parents=True, exist_ok=True)
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(copy), image - 1 if path.suffix == '.png' else image)
    for name, text in CONFIGS:
        (folder / name).write_text(text)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize('name', [name for name, _ in CONFIGS])
def test_config_trains_and_evaluates(folder, command, name):
    done = command(
        'tools/benchmarks/downstream.py',
        *('train', name, '--cfg-options', *LOADERS, *SHORT[name]),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r'(Epoch|Iter)\(val\)', done.stdout + done.stderr)


def test_every_config_is_tried():
    assert {name for name, _ in CONFIGS} == set(SHORT)
