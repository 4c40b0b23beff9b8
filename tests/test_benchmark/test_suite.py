"""Subnets and baselines on tasks: what is planned, run, gone on with, and put into the table."""

import json
import os
import re
import shlex
import signal
import sys
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
import torch
from torchvision.models.resnet import Bottleneck, ResNet

import gaia_ssl.benchmark.launch
from gaia_ssl.benchmark.arms import make_arms
from gaia_ssl.benchmark.launch import Launch
from gaia_ssl.benchmark.metrics import METRICS, metrics_of
from gaia_ssl.benchmark.runs import make_runs
from gaia_ssl.benchmark.table import as_csv, as_markdown, collect
from gaia_ssl.benchmark.tasks import known_tasks, load_task
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
model = dict(
    backbone=dict(init_cfg=dict(checkpoint='{{$GAIA_SSL_SUBNET:none}}/backbone.pth')),
    heads=[dict(init_cfg=dict(checkpoint='{{$GAIA_SSL_SUBNET:none}}/backbone.pth'))],
    neck=dict(init_cfg=dict(checkpoint='another.pth')),
)
test_evaluator = [dict(type='mmdet.CocoMetric', metric=['bbox', 'segm'])]
"""
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
def subnets(tmp_path_factory, extracted):
    """The folders of two subnets."""
    folder = tmp_path_factory.mktemp('subnets')
    return [extracted(arch).rename(folder / arch) for arch in ('MIN', 'R18')]


@pytest.fixture
def config(tmp_path):
    (tmp_path / 'detect.py').write_text(CONFIG)
    return tmp_path / 'detect.py'


@pytest.fixture(scope='module')
def script():
    """The module of tools/benchmarks/run.py."""
    path = str(ROOT / 'tools/benchmarks/run.py')
    return SourceFileLoader('benchmarks_run', path).load_module()


@pytest.fixture
def arguments(tmp_path, subnets, config):
    return ['--subnets', *subnets, '--tasks', config, '--work-dir', tmp_path / 'work']


@pytest.fixture
def call(script, tmp_path, monkeypatch, arguments):
    """Runs the script with a stub that trains at once; returns its exit code."""
    (tmp_path / 'stub.py').write_text(STUB)
    monkeypatch.setattr(gaia_ssl.benchmark.launch, 'RUNNER', tmp_path / 'stub.py')
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


def test_tasks_are_the_configs_by_name_and_alias():
    known = known_tasks()
    assert known['coco_mask_rcnn'] == known['mask-rcnn_fpn_1x_coco']
    assert known['ade20k_fcn'] == known['fcn_d8_4xb4-80k_ade20k-512x512']
    assert set(known.values()) == set(ROOT.glob('configs/benchmarks/*/*.py'))


def test_a_task_knows_its_figures_and_what_loads_weights(config, subnets):
    task = load_task(str(config), subnets[0])
    assert (task.name, task.config) == ('detect', config)
    assert [*task.metrics] == ['bbox_mAP', 'bbox_mAP_50', 'segm_mAP']
    assert task.weights == ('model.backbone.init_cfg', 'model.heads.0.init_cfg')


def test_figures_are_those_that_evaluators_are_asked_for():
    boxes = metrics_of([dict(type='CocoMetric', metric='bbox')])
    assert [*boxes] == ['bbox_mAP', 'bbox_mAP_50'] and [*metrics_of([dict(type='X')])] == []
    assert [*metrics_of([dict(type='VOCMetric')])] == ['mAP', 'AP50']
    overlaps = [0.5 + 0.05 * step for step in range(10)]
    coco_like = metrics_of([dict(type='mmdet.VOCMetric', iou_thrs=overlaps)])
    assert [*coco_like] == ['mAP', 'AP50', 'AP75']
    both = metrics_of([dict(type='Accuracy'), dict(type='mmseg.IoUMetric')])
    assert both == METRICS['Accuracy'] | METRICS['IoUMetric']


def test_runs_are_arms_on_tasks(tmp_path, config, subnets):
    torch.save(ResNet(Bottleneck, [1, 1, 1, 1]).state_dict(), tmp_path / 'weights.pth')
    baselines = ['random', f'r50={subnets[1]}', f'supervised={tmp_path}/weights.pth']
    arms = make_arms(subnets, baselines, tmp_path / 'imported')
    names = ['MIN', 'R18', 'MIN_random', 'R18_random', 'r50', 'supervised']
    assert [arm.name for arm in arms] == names
    assert [arm.facts()['params'] > 0 for arm in arms] == [True] * 6
    first = (tmp_path / 'imported/supervised/backbone.pth').stat().st_mtime_ns
    make_arms(subnets, baselines, tmp_path / 'imported')
    assert (tmp_path / 'imported/supervised/backbone.pth').stat().st_mtime_ns == first
    task = load_task(str(config), subnets[0])
    runs = make_runs([task], arms, tmp_path / 'runs', ['a=1'], Launch('slurm', 16, 'gpus'))
    assert [run.name for run in runs] == [f'detect/{name}' for name in names]
    random = ['a=1', 'model.backbone.init_cfg=None', 'model.heads.0.init_cfg=None']
    assert [run.options for run in runs] == [random if run.arm.random else ['a=1'] for run in runs]
    line = runs[2].line()
    train, test = line.split(' && ')
    for action, part in dict(train=shlex.split(train), test=shlex.split(test)).items():
        where = part.index('bash')
        assert {'GPUS=16', 'GPUS_PER_NODE=8'} < {*part[:where]}
        script = str(ROOT / 'tools/benchmarks/slurm_downstream.sh')
        given = [script, action, 'gpus', 'detect_MIN_random', str(config), str(subnets[0])]
        assert part[where + 1 :][: len(given)] == given
        assert part[part.index('--cfg-options') + 1 :] == random
    assert f'"$(cat {tmp_path}/runs/detect/MIN_random/last_checkpoint)"' in test


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


def test_two_arms_of_one_name(subnets, tmp_path):
    with pytest.raises(UserError, match='two are called MIN; rename one'):
        make_arms([subnets[0], subnets[0]], [], tmp_path)


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
    assert 'was begun with another options' in capsys.readouterr().err
    assert call('--resume', *slow) == 0
    assert [trace.read_text() for trace in traces] == ['12345', '12345']
    result = json.loads((work / 'table.json').read_text())
    assert [row['status'] for row in result['runs']] == ['done', 'done']
    assert result['runs'][0]['figures'] == dict(bbox_mAP=0.5, bbox_mAP_50=0.75, segm_mAP=None)
    # all is done: nothing is left to plan
    capsys.readouterr()
    assert call('--dry-run', *slow) == 0
    assert 'downstream' not in (out := capsys.readouterr().out) and 'stub.py' not in out


def test_what_slurm_ran_is_collected(tmp_path, config, subnets):
    task = load_task(str(config), subnets[0])
    arms = make_arms(subnets, [], tmp_path)
    runs = make_runs([task], arms, tmp_path, [], Launch('slurm', 8, 'gpus'))
    result = tmp_path / 'detect/R18/test/20260101_000000'
    result.mkdir(parents=True)
    (result / '20260101_000000.json').write_text('{"time": 1.0}')
    found = collect(runs, {})
    assert [row['status'] for row in found['runs']] == ['unfinished', 'done']
    # MMDetection logs no figure where nothing is found
    assert found['runs'][1]['figures'] == dict(bbox_mAP=0.0, bbox_mAP_50=0.0, segm_mAP=0.0)
    assert '| unfinished | unfinished | unfinished |' in as_markdown(found)
    assert as_csv(found).count('\n') == 1 + 1 + 3


def test_processes_on_this_machine(tmp_path, config, subnets):
    task, arms = load_task(str(config), subnets[0]), make_arms(subnets[:1], [], tmp_path)
    for launch, start in [(Launch(), 0), (Launch('pytorch', 2), 5)]:
        [run] = make_runs([task], arms, tmp_path, [], launch)
        train = run.train()
        assert train[start + 1 :][:3] == [
            str(gaia_ssl.benchmark.launch.RUNNER),
            'train',
            str(config),
        ]
        assert ('--nproc_per_node=2' in train) == (launch.launcher == 'pytorch')
        assert train[train.index('--launcher') + 1] == launch.launcher


def test_gpus_of_those_side_by_side(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 4)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '4,5,6,7')
    lanes = Launch('pytorch', 2).lanes(2)
    assert lanes == [dict(CUDA_VISIBLE_DEVICES='4,5'), dict(CUDA_VISIBLE_DEVICES='6,7')]
    with pytest.raises(UserError, match='6 GPUs are needed and there are 4'):
        Launch('pytorch', 2).lanes(3)
