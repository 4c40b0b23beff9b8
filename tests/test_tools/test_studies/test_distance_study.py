"""What the study of distances computes, and a small one from end to end."""

import json
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.distances import TASKS, build_distance, distances_of
from gaia_ssl.registry import MODELS
from gaia_ssl.space import count_cost, get_space
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import load_config

CONFIG = 'configs/simsiam/simsiam_tiny10to22_bs64-coslr-10e_cifar10.py'
SPACE = get_space('tiny10to22')
ROOT = Path(__file__).resolve().parents[3]
study = SourceFileLoader(
    'distance_study', str(ROOT / 'tools/studies/distance_study.py')
).load_module()
pytestmark = pytest.mark.slow


def test_archs_are_of_equal_size():
    archs = study.draw_archs(SPACE, 20, None, 32, seed=0)
    flops = [count_cost(SPACE, arch, 32).flops for arch in archs]
    assert len({str(arch) for arch in archs}) == 20
    assert max(flops) < min(flops) * (1 + study.WIDTH / 2) / (1 - study.WIDTH / 2)
    with pytest.raises(UserError, match='--flops: 0 archs are in .*, fewer than --num 2'):
        study.draw_archs(SPACE, 2, (1, 2), 32, seed=0)


def test_every_registered_distance_is_studied():
    scores = study.make_scores([2, 3], last=3)
    studied = {type(distance) for distance, _ in scores.values()}
    assert studied == {type(build_distance(t, n)) for t in TASKS for n in distances_of(t)}
    assert {stage for d, stage in scores.values() if d.reads == 'map'} == {2, 3}


def test_a_small_study(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    for part, number in dict(train=16, test=6).items():
        for label, name in enumerate(('dark', 'light')):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(number):
                image = rng.integers(0, 128, size=(32, 32, 3)) + 127 * label
                cv2.imwrite(str(tmp_path / part / name / f'{i}.png'), image.astype(np.uint8))
    torch.manual_seed(0)
    model = MODELS.build(load_config(str(ROOT / CONFIG)).model)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'epoch_1.pth')
    command = ['distance_study.py', ROOT / CONFIG, tmp_path / 'epoch_1.pth', '--data', tmp_path]
    options = ['--num', 3, '--images', 16, '--bn-group', 8, '--json', tmp_path / 'study.json']
    monkeypatch.setattr(sys, 'argv', [*map(str, [*command, *options])])
    study.main()
    result = json.loads((tmp_path / 'study.json').read_text())
    assert (result['images'], result['train_images'], result['test_images']) == (16, 32, 12)
    assert len(result['subnets']) == 3
    names = set(result['subnets'][0]['scores'])
    assert set(result['correlations']) == names | {'flops', 'params', 'features'}
    printed = capsys.readouterr().out
    assert all(f'| {name} |' in printed for name in names)
