"""The study of calibration, small and from end to end."""

import json
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gaia_ssl.evaluation import FolderProbes
from gaia_ssl.models.backbones import DynamicResNet
from gaia_ssl.space import count_cost, get_space
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import load_config

ROOT = Path(__file__).resolve().parents[3]
study = SourceFileLoader(
    'calibration_study', str(ROOT / 'tools/studies/calibration_study.py')
).load_module()
pytestmark = pytest.mark.slow

SPACE = get_space('tiny10to22')
CONFIG = """
model = dict(
    backbone=dict(type='DynamicResNet', space='tiny10to22'),
    data_preprocessor=dict(mean=[127.5] * 3, std=[64.0] * 3, to_rgb=True))
search = dict(input_size=32)
views = [dict(type='mmpretrain.RandomResizedCrop', scale=24)]
train_dataloader = dict(
    dataset=dict(
        type='TrainingImages',
        data_prefix='train/coarse',
        pipeline=[
            dict(type='LoadAnyImage'),
            dict(type='mmpretrain.MultiView', num_views=2, transforms=[views]),
            dict(type='mmpretrain.PackInputs')]))
"""


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """A supernet with useless statistics, and folders of noise that is fine or coarse."""
    root = tmp_path_factory.mktemp('calibration_study')
    (root / 'config.py').write_text(CONFIG)
    torch.manual_seed(0)
    net = DynamicResNet('tiny10to22')
    net.init_weights()
    for name, value in net.state_dict().items():
        if name.endswith('running_mean'):
            value.fill_(-100.0)  # every channel saturates
    weights = {f'backbone.{key}': value for key, value in net.state_dict().items()}
    torch.save(dict(state_dict=weights), root / 'epoch_1.pth')
    rng = np.random.default_rng(0)
    for part, num in (('train', 12), ('val', 6)):
        for name, cells in (('fine', 32), ('coarse', 4)):
            (root / part / name).mkdir(parents=True)
            for index in range(num):
                pixels = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
                image = cv2.resize(pixels, (40, 40), interpolation=cv2.INTER_NEAREST)
                cv2.imwrite(str(root / part / name / f'{index}.png'), image)
    return root


def run(data, monkeypatch, *args):
    monkeypatch.chdir(data)
    inputs = ['config.py', 'epoch_1.pth', '--train', 'train', '--val', 'val']
    monkeypatch.setattr(sys, 'argv', ['calibration_study.py', *inputs, *map(str, args)])
    study.main()


def test_from_end_to_end(data, tmp_path, monkeypatch, capsys):
    path = tmp_path / 'study.json'
    run(data, monkeypatch, '--num', 3, '--seed', 5, '--calibrate', 'train', '--json', path)
    printed, found = capsys.readouterr().out, json.loads(path.read_text())
    assert len(found['subnets']) == 3
    assert found['knn']['calibration_images'] == 0 and found['calibration']['images'] == 24
    row = found['subnets'][0]
    cost = count_cost(SPACE, row['arch'], 32)
    assert (row['flops'], row['params']) == (cost.flops, cost.params)
    assert row['flops'] == min(other['flops'] for other in found['subnets'])
    # as tools/test.py judges it, alone
    supernet = study.load_supernet_backbone(load_config('config.py'), 'epoch_1.pth')
    probes = FolderProbes(load_config('config.py'), 'train', 'val')
    assert probes(dict(net=supernet.extract(row['arch'])))['net'].knn == row['calibrated']
    gains = [row['calibrated'] - row['raw'] for row in found['subnets']]
    assert found['worst_gain'] == min(gains) and sum(gains) > 0
    mean = np.mean([row['calibrated'] for row in found['subnets']])
    assert (
        f'| mean |  | {mean - np.mean(gains):.2f} | {mean:.2f} | {np.mean(gains):+.2f} |' in printed
    )


def test_calibrates_on_what_it_is_told(data, tmp_path, monkeypatch):
    monkeypatch.setattr(study, 'BAR', 100)  # on so few images anything can happen
    found = []
    for options in (['--calibrate', 'train'], ['--calibrate', 'train/fine'], []):
        path = tmp_path / 'study.json'
        run(data, monkeypatch, '--num', 2, *options, '--json', path)
        found.append(json.loads(path.read_text()))
    calibrations = [(f['calibration']['folder'], f['calibration']['images']) for f in found]
    assert calibrations == [('train', 24), ('train/fine', 12), (None, 12)]
    assert len({str([row['raw'] for row in f['subnets']]) for f in found}) == 1
    assert len({str([row['calibrated'] for row in f['subnets']]) for f in found}) > 1


def test_a_loss_is_no_success(monkeypatch):
    monkeypatch.setattr(sys, 'argv', 'tool config.py epoch_1.pth --train a --val b'.split())
    monkeypatch.setattr(study, 'as_markdown', str)
    monkeypatch.setattr(study, 'study', lambda args: dict(worst_gain=-0.9))
    study.main()
    monkeypatch.setattr(study, 'study', lambda args: dict(worst_gain=-1.1))
    with pytest.raises(SystemExit, match='calibration costs a subnet 1.10 points, more than 1.0'):
        study.main()


def test_archs_differ_and_are_repeatable():
    archs = study.draw_archs(SPACE, 10, seed=3)
    assert archs == study.draw_archs(SPACE, 10, seed=3) != study.draw_archs(SPACE, 10, seed=4)
    assert all(arch in SPACE for arch in archs)
    assert len({json.dumps(arch) for arch in archs}) == 10
    for num in (0, len(SPACE) + 1):
        with pytest.raises(UserError, match=f'--num: {num} is not in 1..'):
            study.draw_archs(SPACE, num, seed=0)
