"""The written configs train and evaluate with the projects' own train scripts.

On the 20 COCO photographs of ``tools/dataset_converters/coco20.py``, in the formats of COCO, ADE20K
and ImageNet, at a reduced image size: everything else is as written.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gaia_ssl.export.configs import WRITTEN

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
SPLITS = ('train', 'val', 'test')
SMALL = '(160,128)'
DETECTION = [
    'train_cfg.max_epochs=1',
    f'train_dataloader.dataset.pipeline.2.scales=[{SMALL}]',
    *(f'{split}_dataloader.dataset.pipeline.1.scale={SMALL}' for split in SPLITS[1:]),
]
SEGMENTATION = [
    'train_cfg.max_iters=3',
    'train_cfg.val_interval=3',
    'train_dataloader.dataset.pipeline.2.scale=(256,64)',
    'train_dataloader.dataset.pipeline.3.crop_size=(64,64)',
    'model.data_preprocessor.size=(64,64)',
    *(f'{split}_dataloader.dataset.pipeline.1.scale=(256,64)' for split in SPLITS[1:]),
]
CLASSIFICATION = [
    'train_cfg.max_epochs=1',
    *(f'{split}_dataloader.dataset.indices=64' for split in SPLITS),
]


@pytest.fixture(scope='module')
def photographs(tmp_path_factory):
    """The photographs; ``imagenet/`` has ImageNet's 1000 folders of one photograph each."""
    folder = tmp_path_factory.mktemp('coco20')
    converter = ROOT / 'tools' / 'dataset_converters' / 'coco20.py'
    done = subprocess.run(
        [sys.executable, converter, '--out', folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f'the photographs cannot be fetched: {done.stderr.strip()[-200:]}')
    for split in ('train', 'val'):
        images = sorted((folder / 'coco' / f'{split}2017').glob('*.jpg'))
        for index in range(1000):
            place = folder / 'imagenet' / split / f'n{index:08d}'
            place.mkdir(parents=True)
            (place / 'photo.jpg').symlink_to(images[index % len(images)])
    return folder


def data_options(project, folder):
    root = dict(mmdet='coco/', mmseg='ade', mmpretrain='imagenet')[project]
    options = [f'{split}_dataloader.dataset.data_root={folder}/{root}' for split in SPLITS]
    if project == 'mmdet':
        annotations = f'{folder}/coco/annotations/instances_val2017.json'
        options += [f'{split}_evaluator.ann_file={annotations}' for split in SPLITS[1:]]
    return options


def train_script(project):
    return Path(importlib.util.find_spec(project).origin).with_name('.mim') / 'tools' / 'train.py'


@pytest.mark.parametrize('name', WRITTEN)
def test_trains_and_evaluates(tmp_path, extracted, photographs, name):
    project = name.partition('_')[0]
    small = dict(mmdet=DETECTION, mmseg=SEGMENTATION, mmpretrain=CLASSIFICATION)[project]
    folder = extracted('R18')
    command = [sys.executable, train_script(project), folder / name, '--work-dir', tmp_path]
    done = subprocess.run(
        [*command, '--cfg-options', *data_options(project, photographs), *small],
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f'load model from: {folder}/backbone.pth' in done.stdout + done.stderr
    assert list(tmp_path.glob('*_1.pth' if project != 'mmseg' else 'iter_3.pth'))
    [scalars] = tmp_path.glob('*/vis_data/scalars.json')
    logs = [json.loads(line) for line in scalars.read_text().splitlines()]
    if project == 'mmseg':
        assert logs[-1]['mIoU'] >= 0
    elif project == 'mmpretrain':
        assert logs[-1]['accuracy/top1'] >= 0
    else:
        # so short a training may detect nothing, which has no average precision
        assert 'Epoch(val) [1][5/5]' in done.stdout + done.stderr
