"""``Runner.test()`` searches, as tools/search.py does."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image

import gaia_ssl.engine  # noqa: F401 - registers the loop
from gaia_ssl.datasets.images import default_pipeline
from gaia_ssl.search import Search, SearchSettings
from gaia_ssl.space import Budget
from gaia_ssl.utils import UserError

path = Path(__file__).parents[1] / 'test_models' / 'test_selfsup' / 'conftest.py'
spec = importlib.util.spec_from_file_location('selfsup_conftest', path)
selfsup = importlib.util.module_from_spec(spec)
spec.loader.exec_module(selfsup)


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """Makes runners whose test loop is a search."""
    # yapf takes a second for a line with a long path, three times for each runner
    monkeypatch.setattr(Config, 'pretty_text', property(repr))
    (tmp_path / 'images').mkdir()
    for index in range(9):
        noise = np.random.default_rng(index).integers(0, 255, (40, 48, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / 'images' / f'{index}.png')

    def make(dataset=None, **options):
        norms = dict(mean=[127.5] * 3, std=[64.0] * 3)
        images = dict(
            type='ImageSet',
            sources=str(tmp_path / 'images'),
            pipeline=default_pipeline(options.get('input_size', 32)),
        )
        config = Config(
            dict(
                model=selfsup.supernet_config('MoCo', data_preprocessor=norms),
                work_dir=str(tmp_path / 'work'),
                test_dataloader=dict(
                    batch_size=1,
                    num_workers=0,
                    sampler=dict(type='DefaultSampler', shuffle=False),
                    dataset=dataset or images,
                ),
                test_cfg=dict(
                    dict(type='SubnetSearchLoop', task='global', input_size=32, bn_group=5),
                    **options,
                ),
                test_evaluator=[],
                default_scope='gaia_ssl',
                randomness=dict(seed=0),
                experiment_name=str(tmp_path).replace('/', '_'),
            )
        )
        return Runner.from_cfg(config)

    return make


def test_runner_test_is_a_search(runner, tmp_path):
    strategy = dict(type='evolution', num=8, population=4)
    work_dir = str(tmp_path / 'found')
    loop = runner(strategy=strategy, budget=dict(params=(0, '0.4M')), work_dir=work_dir)
    metrics = loop.test()
    result = json.loads((tmp_path / 'found' / 'search.json').read_text())
    assert metrics == dict(best_distance=result['subnets'][0]['distance'])
    assert (tmp_path / 'found' / 'distance.png').exists()
    # as the same search by hand
    torch.manual_seed(1)
    settings = SearchSettings(
        'global', strategy=strategy, budget=Budget(params=(0, 4e5)), input_size=32, bn_group=5
    )
    search = Search(loop.model, loop.test_loop.images, settings)
    again = search.run(str(tmp_path / 'again'))
    assert again['subnets'] == result['subnets'] and again['anchors'] == result['anchors']


def test_beside_the_log_by_default(runner, tmp_path):
    runner(strategy=dict(type='random', num=2), max_memory='1G').test()
    assert len(list(tmp_path.glob('work/*/search/search.json'))) == 1


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(task=None), 'task: None is not one of'),
        (dict(size=3), 'size: a search has no such setting'),
        (dict(budget='5G'), "budget: '5G' is not a dict"),
        (dict(budget=dict(flops=5)), 'flops: 5 is not an interval'),
        (dict(stages=3), 'stages: 3 is of the wrong type; give a list of whole numbers'),
        (dict(strategy='random'), "strategy: 'random' is of the wrong type; give a dict"),
        (dict(distance=['cosine']), 'distance: .* give a string or a dict of numbers'),
        (dict(distance=dict(cosine='1')), 'distance: .* is of the wrong type'),
        (dict(bn_group='5'), "bn_group: '5' is of the wrong type; give a whole number"),
        (dict(seed=-1), 'seed: -1 is negative'),
        (dict(max_memory='8GB'), "max_memory: '8GB' is not a quantity"),
        (dict(micro_batch=0), 'micro_batch: 0 groups'),
        (dict(dataset=dict(type='mmpretrain.CIFAR10')), 'a search takes ImageSet'),
    ],
)
def test_mistakes(runner, options, message, monkeypatch):
    monkeypatch.setattr('mmpretrain.datasets.CIFAR10.__init__', lambda self: None)
    monkeypatch.setattr('mmpretrain.datasets.CIFAR10.full_init', lambda self: None)
    monkeypatch.setattr('mmpretrain.datasets.CIFAR10.__len__', lambda self: 1)
    with pytest.raises(UserError, match=message):
        runner(**options).test()
