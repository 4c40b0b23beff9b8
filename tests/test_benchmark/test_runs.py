import shlex

import torch
from torchvision.models.resnet import Bottleneck, ResNet

from gaia_ssl.benchmark import launch
from gaia_ssl.benchmark.arms import make_arms
from gaia_ssl.benchmark.launch import Launch
from gaia_ssl.benchmark.runs import make_runs
from gaia_ssl.benchmark.tasks import load_task
from gaia_ssl.utils.paths import TOOLS


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
        script = str(TOOLS / 'benchmarks/slurm_downstream.sh')
        given = [script, action, 'gpus', 'detect_MIN_random', str(config), str(subnets[0])]
        assert part[where + 1 :][: len(given)] == given
        assert part[part.index('--cfg-options') + 1 :] == random
    folder = tmp_path / 'runs/detect/MIN_random'
    assert f'{folder}/"$(basename "$(cat {folder}/last_checkpoint)")"' in test


def test_processes_on_this_machine(tmp_path, config, subnets):
    task, arms = load_task(str(config), subnets[0]), make_arms(subnets[:1], [], tmp_path)
    for way, start in [(Launch(), 0), (Launch('pytorch', 2), 5)]:
        [run] = make_runs([task], arms, tmp_path, [], way)
        train = run.train()
        assert train[start + 1 :][:3] == [
            str(launch.RUNNER),
            'train',
            str(config),
        ]
        assert ('--nproc_per_node=2' in train) == (way.launcher == 'pytorch')
        assert train[train.index('--launcher') + 1] == way.launcher
