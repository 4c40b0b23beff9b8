"""Races against the search of all archs on all images."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from gaia_ssl.datasets.images import ImageSet, default_pipeline
from gaia_ssl.search import Limits, Search, SearchSettings, race_scoring, racing
from gaia_ssl.space.search_json import load_result
from gaia_ssl.utils import UserError

SETTINGS = dict(
    task='global',
    distance='mse',
    input_size=40,
    bn_group=5,
    strategy=dict(type='random', num=40),
)


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """40 images of 40 px."""
    folder = tmp_path_factory.mktemp('pictures')
    for index in range(40):
        noise = np.random.default_rng(index).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f'{index:02d}.png')
    return ImageSet(str(folder), default_pipeline(40))


@pytest.fixture(autouse=True)
def early(monkeypatch):
    """Races whose first step has ten images."""
    monkeypatch.setattr(racing, 'FIRST', 10)


def search(supernet, images, **options):
    return Search(supernet, images, SearchSettings(**(SETTINGS | options)))


@pytest.fixture(scope='module')
def whole(supernet, pictures, tmp_path_factory):
    return search(supernet, pictures).run(str(tmp_path_factory.mktemp('whole')))


def by_arch(result):
    return {str(row['arch']): row for row in [*result['subnets'], *result['anchors']]}


@pytest.mark.parametrize('mode', ['sure', 'fast'])
def test_the_best_have_the_distances_of_a_search_of_all(supernet, pictures, whole, mode, tmp_path):
    race = dict(mode=mode, top=3)
    result = search(supernet, pictures, race=race).run(str(tmp_path))
    rows = result['subnets']
    assert len(rows) == 40 and rows == sorted(rows, key=lambda r: (-r['images'], r['distance']))
    all_rows, finalists = by_arch(whole), [row for row in rows if row['images'] == 40]
    # so few images make sure of nothing
    assert 3 <= len(finalists) < (41 if mode == 'sure' else 40)
    for row in [*finalists, *result['anchors']]:
        assert row['distance'] == pytest.approx(all_rows[str(row['arch'])]['distance'], rel=1e-5)
    # on a few images the ranking of so few archs is that of all
    assert str(rows[0]['arch']) == str(whole['subnets'][0]['arch'])
    facts = result['meta']['race_result']
    steps = dict(sure=[10, 15, 25, 35, 40], fast=[10, 20, 40])
    assert [step['images'] for step in facts['steps']] == steps[mode]
    numbers = [step['archs'] for step in facts['steps']]
    assert numbers[0] == 40 and numbers == sorted(numbers, reverse=True)
    assert numbers[-1] == len(finalists) and 0.25 < facts['share'] <= 1
    assert result['meta']['race'] == dict(mode=mode, top=3, delta=0.05)
    left = sorted((row['images'] for row in rows), reverse=True)
    for step, after in zip(facts['steps'], [*facts['steps'][1:], None]):
        if after is not None:
            assert (
                sum(images == step['images'] for images in left) == step['archs'] - after['archs']
            )


def test_a_dropouts_distance_is_that_of_the_images_it_saw(supernet, pictures, tmp_path):
    job = search(supernet, pictures, race=dict(mode='fast', top=2))
    result = job.run(str(tmp_path / 'race'))
    row = next(row for row in reversed(result['subnets']) if row['images'] == 10)
    first = racing.rungs_of(job.images.sizes(), 0, 'sure')[0]
    indices = [i for group in first for i in job.images.groups[group]]
    few = pictures.select(indices)
    found = search(supernet, few).run(str(tmp_path / 'few'))
    assert by_arch(found)[str(row['arch'])]['distance'] == pytest.approx(row['distance'], rel=1e-5)


@pytest.mark.parametrize('mode', ['sure', 'fast'])
def test_a_stopped_race_is_resumed(supernet, pictures, tmp_path, monkeypatch, mode):
    options = dict(race=dict(mode=mode, top=3))
    wanted = search(supernet, pictures, **options).run(str(tmp_path / 'whole'))
    for stop in (1, 4, 7):
        written, write = [], race_scoring.Round.write

        def fail(part, *args, written=written, stop=stop, write=write):
            if len(written) == stop:
                raise KeyboardInterrupt
            written.append(args)
            write(part, *args)

        folder = str(tmp_path / f'stopped{stop}')
        with monkeypatch.context() as patch:
            patch.setattr(race_scoring.Round, 'write', fail)
            with pytest.raises(KeyboardInterrupt):
                search(supernet, pictures, **options).run(folder)
        search(supernet, pictures, **options).run(folder, resume=True)
        assert load_result(folder) == json.loads(json.dumps(wanted))


def test_limits_do_not_change_the_result(supernet, pictures, tmp_path):
    results = []
    for name, limits in (('a', Limits()), ('b', Limits(micro_batch=4, max_memory='40M'))):
        job = search(supernet, pictures, race='fast')
        results.append(job.run(str(tmp_path / name), limits=limits))
    for one, other in zip(*(result['subnets'] for result in results), strict=True):
        assert one['arch'] == other['arch'] and one['images'] == other['images']
        assert one['distance'] == pytest.approx(other['distance'], rel=1e-5)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(distance='rank'), '^race: scores of the whole set are no means'),
        (dict(bn_policy='calibrated'), "^bn_policy: 'calibrated' needs all images at once"),
        (dict(combine='spread'), "^combine: 'spread' needs all images at once"),
        (dict(strategy=dict(type='evolution')), "^strategy: 'evolution' scores in rounds"),
        (dict(race='slow'), "^race: 'slow' is not one of sure, fast"),
    ],
)
def test_searches_that_cannot_race(supernet, pictures, options, message):
    with pytest.raises(UserError, match=message):
        search(supernet, pictures, **(dict(race='fast') | options))


def test_a_diverged_network_is_named(supernet, pictures, tmp_path):
    kept = supernet.student[0].conv1.weight.data.clone()
    try:
        supernet.student[0].conv1.weight.data.fill_(torch.nan)
        with pytest.raises(UserError, match='gives features that are not finite'):
            search(supernet, pictures, race='fast').run(str(tmp_path))
    finally:
        supernet.student[0].conv1.weight.data.copy_(kept)
