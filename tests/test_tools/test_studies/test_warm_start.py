"""The study of a supernet that starts from a pretrained network."""

import json
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaia_ssl.benchmark.stages import Records
from gaia_ssl.space import count_cost, get_space

ROOT = Path(__file__).resolve().parents[3]
study = SourceFileLoader('warm_start', str(ROOT / 'tools/studies/warm_start.py')).load_module()
pytestmark = pytest.mark.slow


def run(*args):
    return subprocess.run(
        [sys.executable, study.__file__, *map(str, args)],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
    )


def test_subnets_of_half_the_multiply_adds():
    space = get_space('ar26to50')
    largest, *others = study.archs_of(4, 0)
    assert largest == space.max and len(others) == 4
    whole = count_cost(space, space.max, 64).flops
    assert all(0.45 < count_cost(space, arch, 64).flops / whole < 0.55 for arch in others)
    assert study.archs_of(4, 0) == [largest, *others] != study.archs_of(4, 1)


def test_figures_and_table(tmp_path):
    records = Records(tmp_path)
    knn = dict(before=(60, 40, 30), after=(62, 55.8, 52.7), from_scratch=(40, 36, 38))
    for name, top1 in knn.items():
        rows = [
            dict(arch=dict(depth=[index]), flops=flops, knn_top1=value)
            for index, (flops, value) in enumerate(zip((100, 45, 50), top1, strict=True))
        ]
        records[f'{name}/test'] = dict(start=1, end=2, attempts=1, result=dict(subnets=rows))
    for name in ('after', 'from_scratch'):
        times = dict(cpu=1800.0, wall=950.0)
        records[f'{name}/train'] = dict(start=0, end=1, attempts=1, result=times)
    result = study.gather(tmp_path)
    first, second, _ = result['subnets']
    assert first['share'] == 1 and first['knn'] == dict(before=60, after=62, from_scratch=40)
    assert second['share'] == 0.45 and second['arch'] == dict(depth=[1])
    machine = dict(machine=dict(cores=2, cpu='a processor'), versions=dict(torch='2'))
    text = study.as_markdown(result | machine)
    assert '| MAX | 1 | 60.0 | 62.0 | 40.0 |' in text
    assert '| 2 subnets | 0.45 to 0.50 | 35.0 | 54.2 | 37.0 |' in text
    assert '| kept of MAX |  | 58% | 88% | 92% |' in text
    assert 'CPU minutes of the trainings: 30, 30.' in text


def test_missing_data_gets_one_line(tmp_path):
    done = run('--keras', tmp_path, '--data', tmp_path / 'none', '--work-dir', tmp_path / 'work')
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert f'{tmp_path}/none/train does not exist' in done.stderr


def keras_resnet50(folder):
    """Random weights in the files of Keras' ResNet-50."""
    folder.mkdir()
    source = SourceFileLoader('keras_files', str(ROOT / 'tests/test_export/keras_files.py'))
    files = source.load_module()
    files.WIDTH = 64
    files.STAGES = {2: 'abc', 3: 'abcd', 4: 'abcdef', 5: 'abc'}
    files.write(folder, files.layers_of_model(np.random.default_rng(0)), shard=4 << 20)


def test_a_run_from_the_network_to_the_table(tmp_path):
    keras_resnet50(tmp_path / 'keras')
    rng = np.random.default_rng(0)
    for split, number in dict(train=12, test=4).items():
        for name in ('cat', 'dog'):
            folder = tmp_path / 'images' / split / name
            folder.mkdir(parents=True)
            for index in range(number):
                pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f'{index}.png')
    options = ['--keras', tmp_path / 'keras', '--data', tmp_path / 'images', '--smoke']
    options += ['--epochs', 1, '--subnets', 1, '--work-dir', tmp_path / 'work']
    done = run(*options, '--json', tmp_path / 'figures.json')
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    figures = json.loads((tmp_path / 'figures.json').read_text())
    assert len(figures['subnets']) == 2
    for row in figures['subnets']:
        assert row['knn'].keys() == {'before', 'after', 'from_scratch'}
    assert figures['seconds']['after']['cpu'] > 0
    assert '| MAX | 1 |' in (tmp_path / 'work/warm_start.md').read_text()
    for path in (tmp_path / 'work').rglob('*.pth'):
        path.unlink()  # a gigabyte
