"""Searches in Python; command lines and several processes are tested with the tool."""

import copy
import json
import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from gaia_ssl.models.teachers import FrozenEncoder
from gaia_ssl.search import Limits, Search, SearchSettings, TreeEvaluator
from gaia_ssl.space.search_json import load_result
from gaia_ssl.utils import UserError

SETTINGS = dict(task='dense', input_size=40, bn_group=5, strategy=dict(type='random', num=4))


def search(supernet, photos, weights_id=None, **options):
    return Search(supernet, photos, SearchSettings(**(SETTINGS | options)), weights_id)


@pytest.fixture(scope='module')
def result(supernet, photos, tmp_path_factory):
    return search(supernet, photos).run(str(tmp_path_factory.mktemp('search')))


def test_distances_are_means_over_images_and_stages(supernet, photos, result):
    job = search(supernet, photos)
    rows = [*result['subnets'], *result['anchors']]
    evaluator = TreeEvaluator(
        supernet.student,
        supernet.teacher,
        job.candidates.terms,
        [row['arch'] for row in rows],
        (40, 40),
    )
    total = 0
    for group in job.images.groups:
        images = torch.stack([photos[i] for i in group])
        inputs = supernet.data_preprocessor(dict(inputs=images))['inputs']
        total = total + evaluator(inputs, [len(group)])[0, :, 0]
    want = (total / len(photos)).tolist()
    assert [row['distance'] for row in rows] == pytest.approx(want, rel=1e-5)
    assert [row['name'] for row in result['anchors']] == ['MAX', 'MIN', 'R18']
    assert len(result['subnets']) == 4


@pytest.mark.parametrize('limits', [Limits(micro_batch=2), Limits(max_memory='40M')])
def test_limits_do_not_change_the_result(supernet, photos, tmp_path, result, limits):
    found = search(supernet, photos).run(str(tmp_path), limits=limits)
    for name in ('subnets', 'anchors'):
        for row, want in zip(found[name], result[name], strict=True):
            assert row['arch'] == want['arch']
            assert row['distance'] == pytest.approx(want['distance'], rel=1e-5)


@pytest.mark.parametrize(
    'options',
    [{}, dict(strategy=dict(type='evolution', num=6, population=3)), dict(bn_policy='calibrated')],
    ids=['random', 'evolution', 'calibrated'],
)
def test_a_stopped_search_is_resumed(supernet, photos, tmp_path, options, monkeypatch):
    whole, stopped = str(tmp_path / 'whole'), str(tmp_path / 'stopped')
    search(supernet, photos, **options).run(whole)
    scores, call = [], TreeEvaluator.__call__

    def fail(evaluator, *args):
        if scores:
            raise KeyboardInterrupt
        scores.append(call(evaluator, *args))
        return scores[-1]

    if options.get('bn_policy') != 'calibrated':  # which scores everything at once
        with monkeypatch.context() as patch:
            patch.setattr(TreeEvaluator, '__call__', fail)
            with pytest.raises(KeyboardInterrupt):
                search(supernet, photos, **options).run(stopped)
    assert not os.path.exists(os.path.join(stopped, 'search.json'))
    search(supernet, photos, **options).run(stopped, resume=True)
    assert load_result(stopped) == load_result(whole)
    with pytest.raises(UserError, match='already holds a search; give resume'):
        search(supernet, photos, **options).run(stopped)
    with pytest.raises(UserError, match=r'holds another search \(other distance, distances\)'):
        search(supernet, photos, distance='cosine', **options).run(stopped, resume=True)


def test_other_weights_are_another_search(supernet, photos, tmp_path):
    job = search(supernet, photos, weights_id=dict(weights_sha256='a'))
    job.run(str(tmp_path))
    assert job.identity == dict(job.settings_id, weights_sha256='a')
    job.weights_id = dict(weights_sha256='b')
    with pytest.raises(UserError, match=r'holds another search \(other weights_sha256\)'):
        job.run(str(tmp_path), resume=True)


def test_meta_is_the_identity_paths_and_versions(supernet, photos, tmp_path):
    settings = SearchSettings(**SETTINGS, num_images=9, seed=3)
    job = Search(supernet, photos, settings, paths=dict(checkpoint='epoch_1.pth'))
    meta = json.loads(json.dumps(job.run(str(tmp_path))['meta']))
    assert meta.pop('checkpoint') == 'epoch_1.pth' and meta.pop('images_seed') == 3
    assert set(meta.pop('versions')) == {'gaia_ssl', 'torch', 'mmengine'}
    assert meta == json.loads(json.dumps(job.identity))
    assert meta['images_count'] == 9 and meta['teacher'] == 'ema'


@pytest.mark.parametrize('distance', ['cosine', 'cka'])
def test_what_a_frozen_network_taught_is_compared_with_its_largest_subnet(
    supernet, photos, tmp_path, distance
):
    own, taught = copy.copy(supernet), copy.copy(supernet)
    own.teacher = supernet.student
    taught.teacher = FrozenEncoder.__new__(FrozenEncoder)  # and nothing of it is read
    want = search(own, photos, distance=distance).run(str(tmp_path / 'own'))
    options = dict(distance=distance, teacher='max')
    found = search(taught, photos, **options).run(str(tmp_path / 'taught'))
    assert found['meta']['teacher'] == want['meta']['teacher'] == 'online'
    for name in ('subnets', 'anchors'):
        assert [row['distance'] for row in found[name]] == [row['distance'] for row in want[name]]
    assert found['anchors'][0]['name'] == 'MAX'
    assert found['anchors'][0]['distance'] == pytest.approx(0, abs=1e-6)


def test_a_diverged_network_is_named(supernet, photos, tmp_path):
    broken = copy.deepcopy(supernet)
    broken.student = copy.deepcopy(supernet.student)
    broken.student[0].conv1.weight.data.fill_(float('nan'))
    job = Search(broken, photos, SearchSettings(**SETTINGS), paths=dict(checkpoint='a.pth'))
    with pytest.raises(UserError, match='checkpoint: a.pth gives features that are not finite'):
        job.run(str(tmp_path))
    assert not (tmp_path / 'search.json').exists()


@pytest.mark.parametrize(
    'options, message',
    [
        (
            dict(task='global', distance='alpha', num_images=2),
            'needs 3 images or more, and there are 2',
        ),
        (dict(num_images=1), 'images: 1 image is too few'),
        (dict(input_size=64), 'it makes images of 40x40, but input_size is 64'),
    ],
)
def test_images_that_do_not_fit(supernet, photos, options, message):
    with pytest.raises(UserError, match=message):
        search(supernet, photos, **options)


@pytest.mark.parametrize('given', [lambda p: p, lambda p: iter([p]), lambda p: [str(p)]])
def test_images_and_checkpoint_are_paths_of_any_type(
    supernet, photos, tmp_path, monkeypatch, given
):
    monkeypatch.setattr('gaia_ssl.search.search.load_supernet', lambda *args: supernet)
    (tmp_path / 'a.pth').touch()
    config = Config(dict(model={}, search=dict(pipeline=photos.pipeline)))
    settings = SearchSettings(**SETTINGS)
    [source] = photos.sources
    job = Search.from_files(config, tmp_path / 'a.pth', given(Path(source)), settings, 'cpu')
    assert json.loads(json.dumps(job.paths))['images'] == [source]
    assert job.paths['checkpoint'] == str(tmp_path / 'a.pth')
    assert len(job.images) == len(photos)


def test_images_that_are_not_an_image_set(supernet):
    with pytest.raises(UserError, match='^images: list is not an ImageSet; make one, or use'):
        search(supernet, [])
