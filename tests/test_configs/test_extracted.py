"""The configs of an extracted folder train and evaluate with the projects' own train scripts."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from gaia_ssl.export.configs import WRITTEN

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DATASETS = dict(imagenet='in1k')


def train_script(project):
    return Path(importlib.util.find_spec(project).origin).with_name('.mim') / 'tools' / 'train.py'


@pytest.mark.parametrize('name', WRITTEN)
def test_trains_and_evaluates(tmp_path, extracted, reduced, name):
    folder = extracted('R18')
    dataset = Path(name).stem.rpartition('_')[2]
    options = reduced(Config.fromfile(folder / name), DATASETS.get(dataset, dataset))
    script = train_script(name.partition('_')[0])
    done = subprocess.run(
        [sys.executable, script, folder / name, '--work-dir', tmp_path, '--cfg-options', *options],
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f'load model from: {folder}/backbone.pth' in done.stdout + done.stderr
    assert list(tmp_path.glob('epoch_1.pth')) or list(tmp_path.glob('iter_2.pth'))
    [scalars] = tmp_path.glob('*/vis_data/scalars.json')
    logs = [json.loads(line) for line in scalars.read_text().splitlines()]
    assert sum('loss' in log for log in logs) == 2
    assert re.search(r'(Epoch|Iter)\(val\)', done.stdout + done.stderr)
