"""What the quickstart runs."""

import json
import sys
from pathlib import Path

import pytest
import torch
import torchvision

from gaia_ssl.benchmark.pipeline import Pipeline
from gaia_ssl.benchmark.quickstart.plan import (
    ARMS,
    DATA,
    FULL,
    SMOKE,
    SUPERNET,
    TASKS,
    TAUGHT,
    make_plan,
    options,
)

DOWNSTREAM = {f'{task}_{arm}' for task in TASKS for arm in ARMS}


@pytest.fixture
def stages(tmp_path, request):
    data, smoke = getattr(request, 'param', ('scenes', False))
    return {stage.name: stage for stage in make_plan(tmp_path, data, smoke).stages()}


CASES = [(data, smoke) for data in DATA for smoke in (False, True)]


@pytest.mark.parametrize('stages', CASES, indirect=True, ids=map(str, CASES))
def test_stages_run_files_that_exist_and_write_below_the_work_dir(stages, tmp_path):
    Pipeline(list(stages.values()), tmp_path)  # in order, or it raises
    assert DOWNSTREAM < set(stages)
    for stage in stages.values():
        python, script, *_ = stage.command
        assert python == sys.executable and Path(script).is_file()
        assert all(Path(arg).is_file() for arg in stage.command if arg.endswith('.py'))
        assert stage.outputs and all(path.is_relative_to(tmp_path) for path in stage.outputs)
        assert stage.env['OMP_NUM_THREADS'] == '1'
    folders = [stage.folder for stage in stages.values() if stage.folder]
    assert len(set(folders)) == len(folders)
    assert all(folder.parent == tmp_path for folder in folders)


@pytest.mark.parametrize('task', TASKS)
def test_arms_differ_by_nothing_but_the_folder_of_the_subnet(stages, tmp_path, task):
    pretrained, random = (stages[f'{task}_{arm}'] for arm in ARMS)

    def changed(text):
        return text.replace(f'{task}_pretrained', f'{task}_random')

    assert [changed(arg) for arg in pretrained.command] == random.command
    differ = {k for k in pretrained.env if pretrained.env[k] != random.env[k]}
    assert differ == {'GAIA_SSL_SUBNET'}
    folder = Path(pretrained.env['GAIA_SSL_SUBNET'])
    assert Path(random.env['GAIA_SSL_SUBNET']) == folder.with_name(f'{folder.name}_random')
    (maker,) = random.needs
    assert stages[maker].folder == Path(random.env['GAIA_SSL_SUBNET'])


def test_both_searches_have_one_budget(stages):
    def flops(stage):
        start = stage.command.index('--flops')
        return stage.command[start : start + 3]

    assert flops(stages['search_dense']) == flops(stages['search_global'])


@pytest.mark.parametrize('stages', [('coco20', False)], indirect=True)
def test_photographs_are_searched_and_finetuned_on_but_never_those_for_validation(stages, tmp_path):
    photographs = tmp_path / 'coco20'
    for name, option in dict(search_dense='--images', extract_dense='--calibrate').items():
        command = stages[name].command
        assert command[command.index(option) + 1] == str(photographs / 'coco' / 'train2017')
    assert stages['detection_random'].env['GAIA_SSL_DATA'] == str(photographs)
    assert stages['classification_random'].env['GAIA_SSL_DATA'] == str(tmp_path / 'data')


def test_a_teacher_is_of_the_training_and_of_what_reads_its_supernet(tmp_path):
    plan = make_plan(tmp_path, 'scenes', True, '/teacher.pth')
    taught = {stage.name: stage for stage in plan.stages()}
    for name in ('pretrain', 'search_dense', 'search_global', 'extract_dense', 'extract_global'):
        assert taught[name].env['GAIA_SSL_TEACHER'] == '/teacher.pth'
        assert str(TAUGHT) in taught[name].command and str(SUPERNET) not in taught[name].command
    others = {stage.name: stage for stage in make_plan(tmp_path, 'scenes', True).stages()}
    assert list(taught) == list(others)
    for name in DOWNSTREAM:
        assert taught[name].command == others[name].command


@pytest.mark.slow
def test_a_teacher_teaches_up_to_the_subnets(tmp_path):
    torch.save(torchvision.models.resnet50().state_dict(), tmp_path / 'resnet50.pth')
    plan = make_plan(tmp_path / 'work', 'scenes', True, str(tmp_path / 'resnet50.pth'))
    Pipeline(plan.subnets(), plan.work_dir).run()
    for kind, teacher in (('dense', 'frozen'), ('global', 'online')):
        found = json.loads((plan.work_dir / f'search_{kind}/search.json').read_text())
        assert found['meta']['teacher'] == teacher
        assert (plan.work_dir / f'subnet_{kind}/backbone.pth').is_file()


def test_seeds_have_stages_of_their_own(tmp_path):
    plan = make_plan(tmp_path, 'scenes', False)
    maker = plan.randomise('dense', 3, 'seed3/')
    stage = plan.finetune('detection', 'random', {'randomness.seed': 3}, 'seed3/')
    assert stage.name == 'seed3/detection_random' and stage.needs == [maker.name]
    assert stage.folder == tmp_path / 'seed3' / 'detection_random'
    assert stage.env['GAIA_SSL_SUBNET'] == str(tmp_path / 'seed3' / 'subnet_dense_random')
    assert stage.command[-2:] == ['--cfg-options', 'randomness.seed=3']
    assert maker.command[-4:] == ['--seed', '3', '--out', str(maker.folder)]
    pretrained = plan.finetune('detection', 'pretrained', {}, 'seed3/')
    assert pretrained.env['GAIA_SSL_SUBNET'] == str(tmp_path / 'subnet_dense')


def test_the_link_to_the_supernet_follows_the_last_checkpoint(stages, tmp_path):
    folder = tmp_path / 'pretrain'
    (folder / 'run' / 'vis_data').mkdir(parents=True)
    (folder / 'run' / 'vis_data' / 'scalars.json').write_text('{"loss": 1.25, "lr": 0.1}\n')
    for epoch in (3, 4):
        checkpoint = folder / f'epoch_{epoch}.pth'
        checkpoint.write_text(str(epoch))
        (folder / 'last_checkpoint').write_text(f'{checkpoint}\n')
        assert stages['pretrain'].collect() == dict(loss=1.25)
        assert (folder / 'supernet.pth').read_text() == str(epoch)


def test_options():
    assert options({}) == []
    assert options({'a.b': 1, 'c': None}) == ['--cfg-options', 'a.b=1', 'c=None']


def test_smoke_is_less_of_the_same():
    assert set(SMOKE.finetune) == set(TASKS) and SMOKE.num < FULL.num
