"""What the study of picks compares, and a small one from end to end."""

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
from scipy.stats import ttest_1samp

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.registry import MODELS
from gaia_ssl.space import get_space
from gaia_ssl.utils.cli import load_config

ROOT = Path(__file__).resolve().parents[3]
CONFIG = 'configs/simsiam/simsiam_tiny10to22_bs64-coslr-10e_cifar10.py'
SPACE = get_space('tiny10to22')
study = SourceFileLoader('picks', str(ROOT / 'tools/studies/picks.py')).load_module()


def test_anchors_at_the_ends_are_proportional():
    assert study.unevenness(SPACE, SPACE.min) == study.unevenness(SPACE, SPACE.max) == 0
    rng = np.random.default_rng(0)
    mixed = dict(SPACE.max, depth=SPACE.min['depth'])
    assert study.unevenness(SPACE, mixed) > 0.3
    assert all(0 <= study.unevenness(SPACE, SPACE.sample(rng)) <= 0.5 for _ in range(9))


def test_what_is_chosen():
    rng = np.random.default_rng(0)
    archs = [SPACE.sample(rng) for _ in range(30)]
    rows = [
        dict(arch=arch, params=(7 * i) % 30, distance=0, terms=[-i, abs(i - 4)])
        for i, arch in enumerate(archs)
    ]
    chosen = study.choose(SPACE, rows, ['one', 'two'], 3, seed=5)
    assert chosen['one'] == archs[29] and chosen['two'] == archs[4]
    assert chosen['most_params'] == archs[17]
    assert chosen['widest']['width'][-1] == max(arch['width'][-1] for arch in archs)
    assert list(chosen)[-3:] == ['random0', 'random1', 'random2']
    again = study.choose(SPACE, rows, ['one', 'two'], 3, seed=6)
    assert again['one'] == chosen['one'] and again['random0'] != chosen['random0']


def test_gains_are_paired_with_the_random_archs_of_the_seed():
    seeds = {
        0: dict(pick=53.0, random0=50.0, random1=52.0, random2=54.0),
        1: dict(pick=40.0, random0=38.0, random1=36.0, random2=37.0),
        2: dict(pick=71.0, random0=70.0, random1=69.0, random2=68.0),
    }
    random, pick = study.compare(seeds)
    assert random == dict(choice='random', mean=pytest.approx(158 / 3), spread=4 / 3, seeds=3)
    assert pick['gains'] == [1.0, 3.0, 2.0] and pick['gain'] == 2
    assert pick['better_than'] == pytest.approx((2 / 3 + 1 + 1) / 3)
    interval = ttest_1samp(pick['gains'], 0).confidence_interval()
    assert (pick['low'], pick['high']) == pytest.approx(tuple(interval))
    [_, alone] = study.compare({0: seeds[0]})
    assert study.rounded(alone, 2)['low'] is None
    rows = [dict(setting='net', task='t', figure='top1', **row) for row in (random, pick)]
    text = study.as_markdown(
        dict(rows=rows, scores=[], machine=dict(cores=2, cpu='a CPU'), versions={})
    )
    assert '| pick | 54.7 | +2.0 | -0.5 to +4.5 | 89% |' in text


def test_scores_are_compared_over_random_archs():
    rng = np.random.default_rng(0)
    names = [f'random{i}' for i in range(9)]
    seeds = {seed: dict(zip(names, rng.normal(size=9)), pick=99.0) for seed in range(2)}
    known = {
        seed: {n: dict(good=value**3, bad=-value) for n, value in found.items()}
        for seed, found in seeds.items()
    }
    good, bad = study.rank(seeds, known)
    assert (good['score'], good['archs'], bad['score']) == ('good', 9, 'bad')
    assert good['spearman'] == pytest.approx(1) and bad['spearman'] == pytest.approx(-1)
    for found in seeds.values():
        del found['random0'], found['random1']
    assert study.rank(seeds, known) == []
    rows = [dict(setting='net', task='t', figure='top1', **row) for row in (good, bad)]
    assert '| good | +1.00 (+1.00 to +1.00) |' in study._scores(rows)


@pytest.mark.slow
def test_a_small_study(tmp_path):
    rng = np.random.default_rng(0)
    for part in ('train', 'test'):
        for kind in map(str, range(10)):
            folder = tmp_path / 'images' / part / kind
            folder.mkdir(parents=True)
            for i in range(4):
                pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                cv2.imwrite(str(folder / f'{i}.png'), pixels)
    for seed in range(1):
        torch.manual_seed(seed)
        config = load_config(str(ROOT / CONFIG))
        run = tmp_path / 'trainings' / f'seed{seed}'
        run.mkdir(parents=True)
        config.dump(str(run / 'config.py'))
        model = MODELS.build(config.model)
        model.init_weights()
        torch.save(dict(state_dict=model.state_dict(), meta={}), run / 'epoch_1.pth')
    command = [sys.executable, study.__file__, '--supernets', f'net={tmp_path / "trainings"}']
    command += ['--images', str(tmp_path / 'images/train'), '--scores', 'cosine', 'pooled_rank']
    command += ['--teacher', 'max']
    command += ['--flops', '5e6', '--input-size', '32', '--archs', '2', '--num-images', '16']
    command += ['--random', '2', '--tasks', 'folders_finetune', '--work-dir', str(tmp_path / 'w')]
    command += ['--cfg-options', 'train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    command += ['default_hooks.checkpoint.interval=1']
    env = dict(os.environ, PYTHONPATH=str(ROOT), GAIA_SSL_IMAGES=str(tmp_path / 'images'))
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    result = json.loads((tmp_path / 'w/picks.json').read_text())
    names = ['random', 'cosine', 'pooled_rank', 'widest', 'most_params', 'proportional']
    assert [row['choice'] for row in result['rows']] == names
    assert all(0 <= row['mean'] <= 100 and row['seeds'] == 1 for row in result['rows'])
    table = json.loads((tmp_path / 'w/net0/finetuned/table.json').read_text())
    chosen = json.loads((tmp_path / 'w/net0/chosen.json').read_text())
    figures = {run['arm']: 100 * run['figures']['top1'] for run in table['runs']}
    middle = np.median([figures[chosen[f'random{i}']['subnet']] for i in range(2)])
    [row] = [row for row in result['rows'] if row['choice'] == 'cosine']
    assert row['gains'][0] == pytest.approx(figures[chosen['cosine']['subnet']] - middle, abs=0.01)
    again = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 0 and 'done before' in again.stdout
