"""The comparison of pretrained with random weights."""

import json
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from gaia_ssl.benchmark.pipeline import Pipeline
from gaia_ssl.benchmark.quickstart.plan import ARMS, SHORT, SMOKE, TASKS
from gaia_ssl.benchmark.stages import Records, StageError

ROOT = Path(__file__).resolve().parents[3]
comparison = SourceFileLoader(
    'pretrained_vs_random', str(ROOT / 'tools/studies/pretrained_vs_random.py')
).load_module()
pytestmark = pytest.mark.slow
ENV = dict(os.environ, PYTHONPATH=str(ROOT))


@pytest.fixture
def plan(tmp_path):
    """A quickstart with results of two seeds, made up."""
    (tmp_path / 'settings.json').write_text(json.dumps(dict(data='scenes', smoke=False)))
    plan, _ = comparison.load_plan(tmp_path)
    records = Records(tmp_path)
    values = dict(pretrained=[0.5, 0.75], random=[0.25, 0.125])
    for task in TASKS:
        for arm in ARMS:
            for seed, value in enumerate(values[arm]):
                names = [name for t, name, _ in comparison.FIGURES if t == task]
                result = dict.fromkeys(names, value)
                records[f'seed{seed}/{task}_{arm}'] = dict(
                    start=0, end=1, attempts=1, result=result
                )
    return plan


def test_every_arm_of_every_task_with_every_seed(plan):
    stages = comparison.trainings(plan, SHORT, [0, 1, 2])
    Pipeline([*plan.subnets(), *stages], plan.work_dir)  # in order, or it raises
    assert {stage.name for stage in stages if 'randomise' not in stage.name} == {
        f'seed{seed}/{task}_{arm}' for seed in range(3) for task in TASKS for arm in ARMS
    }
    assert len({stage.folder for stage in stages}) == len(stages) == 3 * (2 + 2 * len(TASKS))
    for stage in stages:
        seed = stage.name[len('seed')]
        if 'randomise' in stage.name:
            assert stage.command[stage.command.index('--seed') + 1] == seed
        else:
            assert f'randomness.seed={seed}' in stage.command
            for key, value in SHORT[stage.name.split('/')[1].split('_')[0]].items():
                assert f'{key}={value}' in stage.command
    assert 'randomness.seed' not in str(SHORT)  # the plan's own stays as it is


def test_the_two_arms_of_a_seed_have_one_budget(plan):
    commands = {s.name: s.command for s in comparison.trainings(plan, SHORT, [1])}
    for task in TASKS:
        pretrained, random = (commands[f'seed1/{task}_{arm}'] for arm in ARMS)
        assert [arg.replace('_pretrained', '_random') for arg in pretrained] == random


def test_figures_means_and_difference(plan):
    figures = comparison.gather(plan, [0, 1])
    assert set(figures) == set(TASKS)
    assert list(figures['detection']) == ['bbox_mAP', 'bbox_mAP_50', 'segm_mAP']
    assert figures['segmentation']['mIoU'] == dict(
        pretrained=[0.5, 0.75],
        random=[0.25, 0.125],
        mean=dict(pretrained=0.625, random=0.1875),
        pretrained_is_better=0.4375,
    )


def test_what_is_undefined_has_no_mean(plan):
    records = Records(plan.work_dir)
    name = 'seed1/segmentation_random'
    records[name] = dict(records[name], result=dict(mIoU=None))
    found = comparison.gather(plan, [0, 1])['segmentation']['mIoU']
    assert found['mean'] == dict(pretrained=0.625, random=None)
    assert found['pretrained_is_better'] is None


def test_markdown(plan):
    arch = dict(stem_width=8, width=[8, 16], depth=[1, 1])
    text = comparison.as_markdown(
        dict(
            subnets=dict(dense=dict(arch=arch)),
            budget=dict(detection={'train_cfg.max_epochs': 2}),
            seeds=[0, 1],
            figures=comparison.gather(plan, [0, 1]),
            machine=dict(cores=2, cpu='a processor'),
            versions=dict(python='3.11.7'),
        )
    )
    row = '| FCN mIoU | 0.500 | 0.750 | 0.250 | 0.125 | 0.625 | 0.188 | 0.438 |'
    assert row in text.splitlines()
    assert '- detection: train_cfg.max_epochs=2' in text and '8 / 8-16 / 1-1' in text
    assert '2 cores of a processor; python 3.11.7.' in text


def test_a_smoke_quickstart_is_compared_at_its_own_budget(tmp_path):
    (tmp_path / 'settings.json').write_text(json.dumps(dict(data='coco20', smoke=True)))
    plan, budget = comparison.load_plan(tmp_path)
    assert plan.data == 'coco20' and budget == SMOKE.finetune


def test_no_quickstart(tmp_path):
    with pytest.raises(StageError, match='is not the work dir of a quickstart'):
        comparison.load_plan(tmp_path)
    done = subprocess.run(
        [sys.executable, comparison.__file__, tmp_path], env=ENV, capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stderr.count('\n') == 1
    assert done.stderr.startswith(f'pretrained_vs_random: {tmp_path} is not the work dir')
    assert os.listdir(tmp_path) == []


def test_no_seeds(tmp_path):
    done = subprocess.run(
        [sys.executable, comparison.__file__, tmp_path, '--seeds', '0'],
        env=ENV,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and '--seeds must be at least 1, got 0' in done.stderr
