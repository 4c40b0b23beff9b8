"""tools/benchmarks/run.py with a stub in place of trainings: plans, failures, kills, tables."""

import json
import os
import re
import signal
import sys
import time
from importlib.machinery import SourceFileLoader

import pytest

from gaia_ssl.benchmark import launch
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.paths import TOOLS

# Stands in for downstream.py: trains five steps, a checkpoint each, and says how many it ran.
STUB = """
import argparse, json, sys, time
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument('action', choices=['train', 'test'])
parser.add_argument('config')
parser.add_argument('checkpoint', nargs='?')
for option in ('subnet', 'work-dir', 'launcher'):
    parser.add_argument(f'--{option}', required=True)
parser.add_argument('--resume', action='store_true')
parser.add_argument('--cfg-options', nargs='+', default=[])
args = parser.parse_args()
folder = Path(args.work_dir)
options = dict(option.split('=') for option in args.cfg_options)
if args.action == 'train':
    last = folder / 'last_checkpoint'
    begin = int(Path(last.read_text()).stem) if last.exists() and args.resume else 0
    for step in range(begin + 1, 6):
        time.sleep(float(options.get('seconds', 0)))
        if options.get('fails') in args.subnet:
            sys.exit('error: out of luck')
        (folder / f'{step}.pth').write_text(args.subnet)
        last.write_text(str(folder / f'{step}.pth'))
        with open(folder / 'trace', 'a') as file:
            file.write(f'{step}')
else:
    random = 'model.backbone.init_cfg' in options
    figures = dict(bbox_mAP=0.125 if random else 0.5, bbox_mAP_50=0.75, segm_mAP=float('nan'))
    assert Path(args.checkpoint).resolve().name == '5.pth'
    (folder / 'now').mkdir(parents=True)
    result = json.dumps({f'coco/{key}': value for key, value in figures.items()})
    (folder / 'now' / 'now.json').write_text(result)
"""


@pytest.fixture(scope='module')
def script():
    """The module of tools/benchmarks/run.py."""
    path = str(TOOLS / 'benchmarks/run.py')
    return SourceFileLoader('benchmarks_run', path).load_module()


@pytest.fixture
def arguments(tmp_path, subnets, config):
    return ['--subnets', *subnets, '--tasks', config, '--work-dir', tmp_path / 'work']


@pytest.fixture
def call(script, tmp_path, monkeypatch, arguments):
    """Runs the script with a stub that trains at once; returns its exit code."""
    (tmp_path / 'stub.py').write_text(STUB)
    monkeypatch.setattr(launch, 'RUNNER', tmp_path / 'stub.py')
    handler = signal.getsignal(signal.SIGTERM)

    def call(*options):
        words = ['run.py', *map(str, (*arguments, *options))]
        monkeypatch.setattr(sys, 'argv', words)
        try:
            run_cli(script.main)
        except SystemExit as end:
            return int(end.code)
        finally:
            signal.signal(signal.SIGTERM, handler)
        return 0

    return call


MISTAKES = dict(
    task=(['--tasks', 'coco_mask_rcn'], '--tasks: coco_mask_rcn is unknown; .* coco_mask_rcnn'),
    folder=(['--subnets', 'nowhere'], 'subnet: .*nowhere holds no backbone.pth'),
    baseline=(['--baselines', 'r50'], '--baselines: r50 is neither random nor NAME=PATH'),
    slurm=(['--launcher', 'slurm'], '--launcher slurm needs --partition'),
)


@pytest.mark.parametrize('options, message', MISTAKES.values(), ids=MISTAKES)
def test_mistakes(call, tmp_path, capsys, options, message):
    assert call(*options) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / 'work').exists()


def test_a_failed_run_is_named_and_the_others_go_on(call, tmp_path, subnets, capsys):
    assert call('--baselines', 'random', '--cfg-options', f'fails={subnets[0]}') == 1
    lines = capsys.readouterr().err.splitlines()
    failed = [line for line in lines if line.startswith('failed: ')]
    assert len(failed) == 2
    assert failed[0].startswith('failed: detect/MIN/train, exit code 1: error: out of luck; see')
    result = json.loads((tmp_path / 'work/table.json').read_text())
    status = {row['arm']: row['status'] for row in result['runs']}
    failures = dict(MIN='failed', MIN_random='failed')
    assert status == failures | dict(R18='done', R18_random='done')
    rows = (tmp_path / 'work/table.md').read_text().splitlines()
    assert any(row.startswith('| MIN | ') and 'failed | failed | failed |' in row for row in rows)
    assert any(row.startswith('| R18 | ') and '50.0 | 75.0 |  |' in row for row in rows)
    assert any(row.startswith('| R18_random | ') and '12.5 | 75.0 |  |' in row for row in rows)
    assert any(row.startswith('- detect/MIN: exit code 1: error: out of luck') for row in rows)
    lines = (tmp_path / 'work/table.csv').read_text().splitlines()
    flops, params = (result['arms']['R18'][key] for key in ('flops', 'params'))
    assert f'detect,R18,{flops},{params},done,bbox_mAP,0.5' in lines
    assert any(line.startswith('detect,MIN,') and line.endswith(',failed,,') for line in lines)


@pytest.mark.slow
def test_a_killed_command_goes_on_and_repeats_nothing(call, tmp_path, subnets, capsys):
    slow = ('--cfg-options', 'fails=none', 'seconds=0.4')
    work = tmp_path / 'work'
    traces = [work / 'runs/detect' / folder.name / 'trace' for folder in subnets]
    if not (child := os.fork()):
        os._exit(call(*slow))
    limit = time.monotonic() + 120
    while not (traces[1].exists() and len(traces[1].read_text()) >= 2):
        assert time.monotonic() < limit
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert not (work / 'table.json').exists()
    assert call(*slow) == 2 and 'already holds runs; give --resume' in capsys.readouterr().err
    assert call('--resume', '--cfg-options', 'fails=other') == 2
    assert 'was begun with other settings: options was [' in capsys.readouterr().err
    assert call('--resume', *slow) == 0
    assert [trace.read_text() for trace in traces] == ['12345', '12345']
    result = json.loads((work / 'table.json').read_text())
    assert [row['status'] for row in result['runs']] == ['done', 'done']
    assert result['runs'][0]['figures'] == dict(bbox_mAP=0.5, bbox_mAP_50=0.75, segm_mAP=None)
    # all is done: nothing is left to plan
    capsys.readouterr()
    assert call('--dry-run', *slow) == 0
    assert 'downstream' not in (out := capsys.readouterr().out) and 'stub.py' not in out
