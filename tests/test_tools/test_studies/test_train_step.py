"""What the benchmark of a training iteration compares, and how it measures."""

import json
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
import torch

from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

ROOT = Path(__file__).resolve().parents[3]
benchmark = SourceFileLoader('train_step', str(ROOT / 'tools/studies/train_step.py')).load_module()
ENV = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
SPACE = get_space('tiny10to22')
pytestmark = pytest.mark.slow


@pytest.fixture
def run_here(monkeypatch):
    """Runs the command in this process, without what a start costs."""

    def run(*args):
        command = [benchmark.__file__, '--space', 'tiny10to22', *map(str, args)]
        monkeypatch.setattr(sys, 'argv', command)
        benchmark.main()

    return run


def test_it_runs_and_writes_what_it_prints(tmp_path):
    path = tmp_path / 'step.json'
    options = '--batch-size 2 --size 32 --iters 1 --draws 2 --threads 1 --device cpu --json'
    command = [sys.executable, benchmark.__file__, '--space', 'tiny10to22', *options.split(), path]
    done = subprocess.run(command, env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(path.read_text())
    assert list(result)[:7] == list(benchmark.BARS)
    for name in benchmark.BARS:
        assert result[name] > 0 and f'{result[name]:.4f}' in done.stdout
    names = {'sandwich', 'ideal', 'reference', 'max', 'static_max'}
    names |= {'taught', 'students', 'teacher_pass', 'cached', 'cached_students'}
    assert set(result['median_seconds']) == set(result['rounds']) == names
    assert all(len(rounds) == 1 for rounds in result['rounds'].values())
    assert result['settings']['size'] == 32 and result['threads'] == 1
    assert [draw[-1] for draw in result['archs']] == 2 * [SPACE.max]
    assert result['machine']['cores'] and result['versions']['torch'] and result['load_average']


def test_parts_that_were_not_asked_for_are_left_open(tmp_path, run_here):
    path = tmp_path / 'step.json'
    run_here(
        '--parts', 'memory', '--batch-size', 2, '--size', 32, '--device', 'cpu', '--json', path
    )
    result = json.loads(path.read_text())
    assert [name for name in benchmark.BARS if result[name] is not None] == ['peak_memory_ratio']


@pytest.mark.parametrize(
    'args, message',
    [
        (['--device', 'cpu', '--amp', 'fp16'], '--amp: fp16 needs a GPU; use bf16 on a CPU'),
        (['--space', 'nowhere'], "space: 'nowhere' is unknown"),
    ],
)
def test_mistakes(run_here, args, message):
    with pytest.raises(UserError, match=f'^{message}'):
        run_here(*args)


def test_no_images(run_here, capsys):
    with pytest.raises(SystemExit):
        run_here('--batch-size', 0)
    assert 'argument --batch-size: 0 is not at least 1' in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_no_gpu(run_here):
    with pytest.raises(UserError, match='^--device: cuda is not here; use cpu$'):
        run_here('--device', 'cuda')


def test_ratios_are_medians_of_rounds():
    seconds = dict(
        sandwich=[1.0, 2.0, 10.0],
        ideal=[1.0, 1.0, 40.0],
        reference=[3.0, 4.0, 10.0],
        max=[2.0, 2.0, 2.0],
        static_max=[1.0, 2.0, 4.0],
    )
    times = {k: [dict(wall=v, cpu=1.0) for v in values] for k, values in seconds.items()}
    assert benchmark.ratios(times, 'wall') == dict(
        speedup_vs_reference=2.0, ratio_to_ideal=1.0, max_ratio_to_static=1.0
    )
    assert set(benchmark.ratios(times, 'cpu').values()) == {1.0}
    assert benchmark.medians(times)['reference'] == dict(wall=4.0, cpu=1.0)
    taught = dict(taught=[6.0, 4.0, 9.0], students=[1.0, 1.0, 1.0], teacher_pass=[2.0, 1.0, 2.0])
    times = {k: [dict(wall=v, cpu=v) for v in values] for k, values in taught.items()}
    assert benchmark.ratios(times, 'wall') == dict(teacher_ratio=2.0)


def test_table_says_which_bars_are_missed():
    result = dict.fromkeys(benchmark.BARS)
    result.update(speedup_vs_reference=1.29, ratio_to_ideal=1.0, clock='cpu')
    result.update(device_name='cpu', threads=1, load_average=dict(before=0.5, after=1.5))
    result.update(machine=dict(cores=2, cpu='a processor'), versions=dict(python='3.11.7'))
    lines = benchmark.as_table(result).splitlines()
    assert 'missed' in lines[0] and 'met' in lines[1] and len(lines) == 3
    assert lines[-1].endswith('load 0.5 to 1.5; 2 cores of a processor; python 3.11.7.')
