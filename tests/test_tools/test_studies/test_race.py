"""Replayed races, and a small study from end to end."""

import json
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.registry import MODELS
from gaia_ssl.search.racing import Race, TreeCosts
from gaia_ssl.search.tree import build_tree
from gaia_ssl.space import get_space
from gaia_ssl.utils.cli import load_config

ROOT = Path(__file__).resolve().parents[3]
CONFIG = 'configs/simsiam/simsiam_tiny10to22_bs64-coslr-10e_cifar10.py'
SPACE = get_space('tiny10to22')
study = SourceFileLoader('race', str(ROOT / 'tools/studies/race.py')).load_module()


def test_replays():
    rng = np.random.default_rng(0)
    archs = [SPACE.sample(rng) for _ in range(60)]
    costs = TreeCosts(build_tree(SPACE.family, map(SPACE.path, archs), (3,), (32, 32)), 60)
    distances = 5 + rng.normal(size=(60, 256)) + np.linspace(0, 2, 60)[:, None]
    sizes = [64] * 4
    order = np.argsort(distances.mean(1), kind='stable').tolist()
    ranked, share = study.replay(Race('sure', 100), distances, sizes, costs, 0)
    assert share == pytest.approx(1) and ranked.tolist() == order
    for mode in ('sure', 'fast'):
        ranked, share = study.replay(Race(mode, 3), distances, sizes, costs, 0)
        assert ranked[:3].tolist() == order[:3] and 0.25 < share < 0.9


@pytest.mark.slow
def test_a_small_study(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / 'images').mkdir()
    for i in range(260):
        pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / 'images' / f'{i:03d}.png'), pixels)
    torch.manual_seed(0)
    config = load_config(str(ROOT / CONFIG))
    run = tmp_path / 'training'
    run.mkdir()
    config.dump(str(run / 'config.py'))
    model = MODELS.build(config.model)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict(), meta={}), run / 'epoch_1.pth')
    command = [sys.executable, study.__file__, '--supernets', f'random={run}', '--orders', '3']
    command += ['--images', str(tmp_path / 'images'), '--flops', '4.60M', '4.61M']
    command += ['--num-images', '128', '--work-dir', str(tmp_path / 'work')]
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    for _ in range(2):  # the second time all is there
        done = subprocess.run(command, capture_output=True, text=True, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / 'work/race.json').read_text())['rows']
    assert [row['mode'] for row in rows] == ['sure', 'fast']
    for row in rows:
        assert row['archs'] > 4 and 1 <= row['run_speedup'] and 0 <= row['recall'] <= 1
    assert '| random | cosine | fast |' in (tmp_path / 'work/race.md').read_text()
