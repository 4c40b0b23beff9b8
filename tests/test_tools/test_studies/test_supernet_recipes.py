"""The comparison of what a supernet can learn from."""

import json
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from gaia_ssl.space import count_cost, get_space
from gaia_ssl.utils import UserError

ROOT = Path(__file__).resolve().parents[3]
study = SourceFileLoader(
    'supernet_recipes', str(ROOT / 'tools/studies/supernet_recipes.py')
).load_module()
TINY = get_space('tiny10to22')


@pytest.fixture
def args(tmp_path):
    """What the command line gives."""
    return SimpleNamespace(
        data=tmp_path / 'data',
        work_dir=tmp_path / 'work',
        teacher=None,
        recipes=list(study.RECIPES),
        seeds=[0, 1],
        minutes=2.0,
        bank=10,
        asked=10,
    )


def test_a_training_takes_the_time_that_its_timing_leaves(args):
    timing = args.work_dir / 'mocov2' / 'timing'
    timing.mkdir(parents=True)
    iterations = study.WARM + study.TIMED
    times = dict(setup=10.0, iteration=0.25, iterations=iterations, cpu_seconds=32.0)
    (timing / 'times.json').write_text(json.dumps(times))
    # 40 of its 50 iterations were timed, at 0.25 s; all else is paid for by each training
    assert study.iterations_of(args, 'mocov2') == (120 - (32 - 40 * 0.25)) / 0.25


def test_band_is_within_five_percent_of_the_median():
    archs = study.band_archs(TINY, 32)
    costs = sorted(count_cost(TINY, arch, 32).flops for arch in TINY)
    middle = np.median(costs)
    assert len({str(arch) for arch in archs}) == study.BAND_ARCHS
    for arch in archs:
        assert 0.95 * middle <= count_cost(TINY, arch, 32).flops <= 1.05 * middle


def test_every_stage_comes_after_what_it_needs(args):
    args.teacher = Path('resnet50.pth')
    stages = study.stages_of(args)
    done = set()
    for stage in stages:
        assert done.issuperset(stage.needs)
        done.add(stage.name)
    judged = [name for name in done if '/judged' in name]
    assert len(judged) == len(study.RECIPES) * 2
    assert 'mocov2+ema/seed0' not in done  # it is judged by other weights of the same trainings


@pytest.mark.parametrize('name', study.RECIPES)
def test_recipes_are_configs(args, name, monkeypatch):
    for variable in ('GAIA_SSL_CIFAR10', 'GAIA_SSL_TEACHER'):
        monkeypatch.setenv(variable, 'none')  # what a call sets is undone after the test
    config = study.config_of(args, name, 3, 100)
    assert config.train_cfg == dict(type='IterBasedTrainLoop', max_iters=100)
    assert config.randomness.seed == 3
    crop = config.train_dataloader.dataset.pipeline[1].transforms[0][0]
    assert (crop.type, crop.scale) == ('mmpretrain.RandomResizedCrop', 32)
    guides = [part.removeprefix('guide_') for part in name.split('+') if part.startswith('guide_')]
    assert list((config.model.get('guides') or {}).get('weights', {})) == guides
    losses = [part.replace('teacher_', 'global_') for part in name.split('+') if 'teacher_' in part]
    if losses:
        assert list(config.model.head.losses) == losses


def test_rows_of_other_recipes_and_seeds_are_kept():
    def rows(*names, score):
        return [dict(recipe=name, seed=seed, score=score) for name, seed in names]

    before = dict(minutes=10, rows=rows(('simclr', 0), ('mocov2', 0), score=1), machine='old')
    after = dict(minutes=10, rows=rows(('mocov2', 1), ('mocov2', 0), score=2), machine='new')
    both = study.add_rows(before, after)
    assert both['machine'] == 'new'
    assert both['rows'] == rows(('mocov2', 0), ('mocov2', 1), score=2) + before['rows'][:1]
    with pytest.raises(UserError, match='--json: it has trainings of 10 minutes; give --minutes 1'):
        study.add_rows(before, dict(after, minutes=5))


@pytest.mark.slow
def test_smoke(tmp_path):
    rng = np.random.default_rng(0)
    for split, number in dict(train=140, test=4).items():
        for name in ('cat', 'dog'):
            folder = tmp_path / 'data' / split / name
            folder.mkdir(parents=True)
            for i in range(number):
                pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f'{i}.png')
    torch.save(torchvision.models.resnet50().state_dict(), tmp_path / 'resnet50.pth')
    recipes = ['mocov2', 'mocov2+ema', 'teacher_cosine']
    done = subprocess.run(
        [
            *(sys.executable, study.__file__, '--data', tmp_path / 'data', '--minutes', '0.01'),
            *('--teacher', tmp_path / 'resnet50.pth', '--seeds', '0', '--bank', '60'),
            *('--asked', '8', '--work-dir', tmp_path / 'work', '--recipes', *recipes),
        ],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / 'work/supernet_recipes.json').read_text())['rows']
    assert [row['recipe'] for row in rows] == recipes
    for row in rows:
        assert set(row['knn']) == set(row['ridge']) == {*study.ANCHORS, 'band_mean', 'band_std'}
    assert rows[0]['cpu_seconds'] == rows[1]['cpu_seconds'] and rows[0]['knn'] != rows[1]['knn']
    assert '| teacher_cosine |' in (tmp_path / 'work/supernet_recipes.md').read_text()
