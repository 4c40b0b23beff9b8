"""Every benchmark config; a new one is covered when it is added."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from gaia_ssl.models.backbones import SubnetBackbone
from gaia_ssl.space import get_space

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / 'configs' / 'benchmarks'
CONFIGS = sorted(str(path.relative_to(PLACE)) for path in PLACE.glob('[!_]*/*.py'))
RUNNER = ROOT / 'tools' / 'benchmarks' / 'downstream.py'
R18 = get_space('tiny10to22').anchors['R18']
ADE = 'segmentation/fcn_d8_4xb4-80k_ade20k-512x512.py'


@pytest.fixture(scope='module')
def folder(extracted):
    return extracted('R18')


@pytest.fixture
def subnet(monkeypatch, folder):
    """The folder of the subnet that configs are of."""
    monkeypatch.setenv('GAIA_SSL_SUBNET', str(folder))
    return folder


def dataset_of(path):
    return Path(path).stem.rpartition('_')[2].partition('-')[0]


def leaves(value):
    if isinstance(value, (dict, list, tuple)):
        value = value.values() if isinstance(value, dict) else value
        return [leaf for inner in value for leaf in leaves(inner)]
    return [value]


@pytest.mark.parametrize('path', CONFIGS)
def test_model_is_the_subnets(subnet, path):
    config = Config.fromfile(PLACE / path)
    values = leaves(config.to_dict())
    assert not [x for x in values if re.match(r'[\w+-]+://', str(x))], 'nothing is downloaded'
    assert not any(isinstance(value, type) for value in values)
    assert f'{subnet}/backbone.pth' in values
    with DefaultScope.overwrite_default_scope(config.default_scope), torch.device('meta'):
        model = MODELS.build(config.model)
    subnets = [module for module in model.modules() if isinstance(module, SubnetBackbone)]
    # detectors with a C4 backbone have it in halves
    assert len(subnets) == 1 + ('c4' in path)
    assert all(net.arch == R18 for net in subnets)
    names = [name for net in subnets for name, _ in net.named_children() if 'layer' in name]
    assert names == ['layer1', 'layer2', 'layer3', 'layer4']


@pytest.mark.slow
def test_a_dumped_config_finds_the_backbone_without_an_import(tmp_path, subnet):
    """MMEngine imports the registry of the scope that a type names."""
    Config.fromfile(PLACE / ADE).dump(tmp_path / 'dumped.py')
    code = f"""
import sys
from mmengine.config import Config
from mmengine.registry import MODELS

config = Config.fromfile({str(tmp_path / 'dumped.py')!r})
assert 'gaia_ssl' not in sys.modules
print(type(MODELS.build(config.model.backbone)))
"""
    done = subprocess.run(
        [sys.executable, '-c', code],
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
    )
    assert 'gaia_ssl.models.backbones.resnet.SubnetResNet' in done.stdout, done.stderr


def run(command, *arguments, **options):
    return subprocess.run(
        [sys.executable, RUNNER, command, *arguments],
        # any_cifar.py is here
        env=dict(os.environ, PYTHONPATH=f'{ROOT}:{Path(__file__).parent}', OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True,
        **options,
    )


@pytest.mark.slow
@pytest.mark.parametrize('path', CONFIGS)
def test_trains_and_evaluates(tmp_path, subnet, reduced, path):
    options = reduced(Config.fromfile(PLACE / path), dataset_of(path))
    done = run('train', PLACE / path, '--work-dir', tmp_path, '--cfg-options', *options)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f'load model from: {subnet}/backbone.pth' in done.stdout + done.stderr
    [scalars] = tmp_path.glob('*/vis_data/scalars.json')
    logs = [json.loads(line) for line in scalars.read_text().splitlines()]
    losses = [log['loss'] for log in logs if 'loss' in log]
    assert len(losses) == 2 and all(torch.tensor(losses).isfinite())
    assert re.search(r'(Epoch|Iter)\(val\)', done.stdout + done.stderr)
    for checkpoint in tmp_path.glob('*.pth'):
        checkpoint.unlink()


@pytest.mark.slow
def test_two_processes_train_one_model_and_it_is_tested(tmp_path, subnet, reduced):
    options = reduced(Config.fromfile(PLACE / ADE), 'ade20k')
    script = ROOT / 'tools' / 'benchmarks' / 'dist_downstream.sh'
    env = dict(os.environ, PYTHON=sys.executable, PORT='29741', OMP_NUM_THREADS='1')
    env.pop('GAIA_SSL_SUBNET')

    def launch(command, *arguments):
        last = ['2', '--work-dir', tmp_path, '--cfg-options', *options]
        command = ['bash', script, command, PLACE / ADE, subnet, *arguments, *last]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    launch('train')
    tested = launch('test', tmp_path / 'iter_2.pth')
    [scalars] = [p for p in tmp_path.glob('*/vis_data/scalars.json') if 'loss' in p.read_text()]
    [validated] = [
        log for log in map(json.loads, scalars.read_text().splitlines()) if 'mIoU' in log
    ]
    metrics = json.loads(tested[tested.rindex('{') :])
    assert metrics['mIoU'] == pytest.approx(validated['mIoU'])


@pytest.mark.slow
def test_what_does_not_fit_is_named(tmp_path, subnet, extracted, reduced):
    options = reduced(Config.fromfile(PLACE / ADE), 'ade20k')
    arguments = [PLACE / ADE, '--work-dir', tmp_path / 'run', '--cfg-options', *options]

    def complaint(command, *arguments):
        done = run(command, *arguments)
        assert done.returncode == 2
        [line] = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
        return line

    message = complaint('train', *arguments, 'model.decode_head.num_classes=149')
    assert 'model.decode_head.num_classes: 149' in message and '150 classes' in message
    other = extracted('MIN') / 'backbone.pth'
    weights = torch.load(other, weights_only=True)['state_dict']
    torch.save({f'backbone.{k}': v for k, v in weights.items()}, tmp_path / 'other.pth')
    message = complaint('test', PLACE / ADE, tmp_path / 'other.pth', *arguments[1:])
    assert 'other.pth is of another model: ' in message and 'misshaped' in message
