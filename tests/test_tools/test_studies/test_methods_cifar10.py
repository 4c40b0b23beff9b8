"""The comparison of every method with random weights on CIFAR-10."""

import json
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from gaia_ssl.benchmark.stages import Records

ROOT = Path(__file__).resolve().parents[3]
comparison = SourceFileLoader(
    'methods_cifar10', str(ROOT / 'tools/studies/methods_cifar10.py')
).load_module()
pytestmark = pytest.mark.slow
METHODS = 'barlowtwins byol densecl mocov2 mocov3 ressl simclr simsiam swav'.split()


def run(*args):
    return subprocess.run(
        [sys.executable, comparison.__file__, *map(str, args)],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
    )


@pytest.fixture
def images(tmp_path):
    """Two batches to train on, in class folders."""
    rng = np.random.default_rng(0)
    for split, num in dict(train=64, test=4).items():
        for name in ('cat', 'dog'):
            folder = tmp_path / 'images' / split / name
            folder.mkdir(parents=True)
            for i in range(num):
                pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f'{i}.png')
    return tmp_path / 'images'


def test_every_method_has_a_config_that_differs_in_the_method_alone():
    assert sorted(comparison.CONFIGS) == METHODS
    configs = {method: Config.fromfile(path) for method, path in comparison.CONFIGS.items()}
    assert len({config.model.algorithm for config in configs.values()}) == len(METHODS)
    for key in ('backbone', 'arch_sampler', 'data_preprocessor'):
        assert len({str(config.model[key]) for config in configs.values()}) == 1
    assert len({str((c.knn, c.search, c.randomness)) for c in configs.values()}) == 1


def test_a_method_is_trained_and_then_judged(tmp_path):
    train, test = comparison.stages_of('byol', 3, tmp_path, tmp_path / 'data')
    assert test.needs == [train.name]
    assert train.env['GAIA_SSL_CIFAR10'] == test.env['GAIA_SSL_CIFAR10'] == str(tmp_path / 'data')
    epochs = Config.fromfile(comparison.CONFIGS['byol']).train_cfg.max_epochs
    checkpoint = train.folder / f'epoch_{epochs}.pth'
    assert checkpoint in train.outputs and str(checkpoint) in test.command
    assert 'randomness.seed=3' in train.command and 'randomness.seed=3' in test.command


def test_figures_and_table(tmp_path):
    records = Records(tmp_path)
    # a method and its seed: top-1 of MAX and MIN, whose random networks have 21 and 20
    top1 = {
        ('byol', 0): (40.0, 35.0),
        ('byol', 1): (38.0, 29.0),
        ('simclr', 0): (31.0, 30.5),
        ('simclr', 1): (31.0, 29.1),
    }
    for (method, seed), (largest, smallest) in top1.items():
        rows = [
            dict(name='MIN', knn_top1=smallest, knn_top1_random=20.0),
            dict(name='MAX', knn_top1=largest, knn_top1_random=21.0),
        ]
        result = comparison.top1_of(dict(subnets=rows))
        records[f'{method}/seed{seed}/test'] = dict(start=1, end=2, attempts=1, result=result)
        times = dict(cpu=60.0 + 60 * seed, wall=45.0)
        records[f'{method}/seed{seed}/train'] = dict(start=0, end=1, attempts=1, result=times)
    figures = comparison.gather(['byol', 'simclr'], [0, 1], tmp_path)
    assert comparison.gains_of(figures['byol']) == dict(MAX=[19, 17], MIN=[15, 9])
    text = comparison.as_markdown(
        dict(methods=figures, machine=dict(cores=2, cpu='a processor'), versions=dict(torch='2'))
    )
    config = comparison.CONFIGS['byol'].relative_to(ROOT)
    assert (
        '| byol | 21.0 / 20.0 | 39.0 / 32.0 | +18.0 / +12.0 | +17.0 / +9.0 | 1.5 | '
        f'`python tools/train.py {config}` |'
    ) in text
    assert 'mean over seeds 0, 1.' in text
    assert 'Mean gain below 10 points: simclr.' in text


def test_missing_data_gets_one_line(tmp_path):
    done = run('--data', tmp_path / 'none', '--work-dir', tmp_path / 'work')
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert f'{tmp_path}/none/train does not exist' in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_time_of_a_command(tmp_path):
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])"
    command = [sys.executable, str(ROOT / 'tools/studies/cpu_time.py'), tmp_path / 'out.json']
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    subprocess.run([*command, sys.executable, '-c', program], check=True, env=env)
    times = json.loads((tmp_path / 'out.json').read_text())
    assert 0.05 < times['cpu'] < 60 and times['wall'] > 0.05
    done = subprocess.run([*command, sys.executable, '-c', 'raise SystemExit(3)'], env=env)
    assert done.returncode == 3


@pytest.mark.slow
def test_a_run_from_images_to_table(images, tmp_path):
    options = ['--methods', 'mocov2', '--data', images, '--work-dir', tmp_path / 'work']
    done = run(*options, '--json', tmp_path / 'figures.json')
    assert done.returncode == 0, done.stderr
    (method,) = json.loads((tmp_path / 'figures.json').read_text())['methods'].values()
    figure = method['seeds']['0']
    test = json.loads((tmp_path / 'work/mocov2/seed0/test/test.json').read_text())
    for row in test['subnets']:
        assert figure[row['name']] == row['knn_top1']
        assert figure[f'{row["name"]}_random'] == row['knn_top1_random']
    assert figure['seconds']['cpu'] > 0
    assert '| mocov2 |' in (tmp_path / 'work/methods_cifar10.md').read_text()
    again = run(*options)
    assert again.returncode == 0 and again.stdout.count('done before') == 2
