"""The commands of a fit."""

from dataclasses import replace
from pathlib import Path

import pytest

from gaia_ssl.fit.plan import Plan
from gaia_ssl.fit.request import Request
from gaia_ssl.fit.stages import Stages

SEARCH = dict(task='global', flops=['5M', '6M'], input_size=32, num_images=48, seed=0, num=7)
PLAN = Plan('', {}, 32, 1, 6, 100, SEARCH, {}, 0, 30)


@pytest.fixture
def asked(images, tmp_path):
    return Request(str(images), str(tmp_path))


def words(stage):
    return ' '.join(stage.command[1:])


def named(stages):
    return {stage.name: stage for stage in stages.after(PLAN)}


def test_commands_without_labels_and_networks(asked, tmp_path):
    stages = Stages(asked)
    assert [stage.name for stage in stages.before()] == ['timing']
    views, pretrain, training, search, extract, neighbours = stages.after(PLAN)
    assert words(pretrain).endswith(
        f'tools/train.py {tmp_path}/config.py --work-dir {tmp_path}/pretrain --resume'
    )
    assert words(search).endswith(
        f'tools/search.py {tmp_path}/config.py {tmp_path}/pretrain/supernet.pth --images '
        f'{asked.images} --work-dir {tmp_path}/search --resume --task global --flops 5M 6M '
        '--input-size 32 --num-images 48 --seed 0 --num 7'
    )
    assert words(extract).endswith(
        f'--from {tmp_path}/search/search.json --out {tmp_path}/subnet --calibrate {asked.images}'
    )
    assert (search.needs, extract.needs) == (['pretrain'], ['search'])
    assert all(Path(stage.command[1]).is_file() for stage in stages.after(PLAN))
    assert words(views).endswith(f'browse_views.py {tmp_path}/config.py --out {tmp_path}/views.png')
    assert words(training).endswith(f'{tmp_path}/pretrain --out {tmp_path}/training.png')
    assert f'{tmp_path}/subnet --images {asked.images} --out' in words(neighbours)
    assert (views.needs, training.needs, neighbours.needs) == ([], ['pretrain'], ['extract'])


def test_a_network_to_start_from_comes_first(asked, tmp_path, checkpoint):
    stages = Stages(replace(asked, pretrained=str(checkpoint)))
    start, timing = stages.before()
    assert f'network_to_supernet.py {checkpoint} {tmp_path}/config.py' in words(start)
    assert timing.needs == ['start']


def test_a_latency_is_measured_first(asked, tmp_path):
    stages = Stages(replace(asked, budget=dict(latency=['0', '5ms'])))
    assert [stage.name for stage in stages.before()] == ['timing', 'latency']
    search = named(stages)['search']
    assert f'--latency-table {tmp_path}/latency.json' in words(search)


def test_labels_judge_and_objects_become_label_maps(asked, tmp_path, labels):
    search = named(Stages(replace(asked, labels=str(labels))))['search']
    assert f'--judge {labels}' in words(search)
    assert tmp_path / 'search' / 'judge.json' in search.outputs
    objects = replace(asked, task='detection', labels='a/b.json:c')
    stages = named(Stages(objects))
    made, search = stages['labels'], stages['search']
    assert '--annotations a/b.json --images c' in words(made)
    assert f'--judge {tmp_path}/labels' in words(search) and 'labels' in search.needs


def test_the_supernet_gets_a_name_that_is_known_before(asked, tmp_path, monkeypatch):
    monkeypatch.setattr('gaia_ssl.benchmark.trainings.read_loss', lambda folder: 2.5)
    stages = Stages(asked)
    folder = stages.checkpoint.parent
    folder.mkdir()
    (folder / 'epoch_3.pth').write_text('weights')
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_3.pth'))
    for _ in range(2):
        assert named(stages)['pretrain'].collect() == dict(loss=2.5)
        assert stages.checkpoint.read_text() == 'weights'
