import json

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr

from gaia_ssl.engine import SubnetSearchHook
from gaia_ssl.search import Limits
from gaia_ssl.utils import UserError


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """Nine images of noise."""
    root = tmp_path_factory.mktemp('images')
    for index in range(9):
        noise = np.random.default_rng(index).integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / f'{index}.png')
    return str(root)


def hook(images, **options):
    settings = dict(task='global', strategy=dict(type='random', num=6), bn_group=5)
    return dict(type='SubnetSearchHook', images=images, interval=1) | settings | options


def test_follows_the_ranking(training, images):
    budget = dict(params=(0, '7K'))
    runner = training.runner(training.dir, [hook(images, budget=budget, num_images=8)], epochs=3)
    runner.train()
    results = [
        json.loads(path.read_text())
        for epoch in (1, 2, 3)
        for path in training.dir.glob(f'*/search/epoch_{epoch}/search.json')
    ]
    assert len(results) == 3
    hub = runner.message_hub
    best = hub.get_scalar('val/search_best').data[0]
    assert best.tolist() == [result['subnets'][0]['distance'] for result in results]
    tables = [{str(r['arch']): r['distance'] for r in result['subnets']} for result in results]
    want = [
        spearmanr([one[arch] for arch in one], [two[arch] for arch in one]).statistic
        for one, two in zip(tables, tables[1:])
    ]
    assert hub.get_scalar('val/search_spearman').data[0].tolist() == pytest.approx(want)
    assert results[0]['meta']['images_count'] == 8
    assert all(row['params'] < 7e3 for row in results[-1]['subnets'])
    # other weights, the same archs
    assert results[0]['meta']['weights_sha256'] != results[1]['meta']['weights_sha256']
    assert tables[0].keys() == tables[1].keys() and tables[0] != tables[1]


def test_training_is_the_same_with_the_hook(training, images):
    weights = []
    for name, hooks in dict(without=[], with_=[hook(images, interval=1)]).items():
        runner = training.runner(training.dir / name, hooks)
        runner.train()
        weights.append(dict(runner.model.state_dict(), generator=torch.get_rng_state()))
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]), key


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(task='local'), "task: 'local' is not one of"),
        (dict(bn_policy='none'), "bn_policy: 'none' is not one of group, calibrated"),
        (dict(budget=dict(flops=('3G', '4G'))), 'nearest feasible values'),
        (dict(number=3), 'number: a search has no such setting'),
        (dict(images='nowhere'), 'nowhere'),
    ],
)
def test_looks_at_its_settings_before_training(training, images, options, message):
    runner = training.runner(training.dir, [hook(images) | options])
    with pytest.raises(UserError, match=message):
        runner.train()
    assert runner.iter == 0


def test_refuses_no_interval(images):
    with pytest.raises(UserError, match='SubnetSearchHook.interval: 0'):
        SubnetSearchHook(images, interval=0, task='global')


def test_limits_are_those_of_the_command_line(images):
    hook = SubnetSearchHook(images, task='global', max_memory='8G')
    assert hook.limits == Limits(1, 8e9)
    with pytest.raises(UserError, match="max_memory: '8GB' is not a quantity"):
        SubnetSearchHook(images, task='global', max_memory='8GB')
