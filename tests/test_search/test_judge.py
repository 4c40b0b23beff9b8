"""The pick of a search beside archs that are chosen otherwise."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from gaia_ssl.datasets.images import default_pipeline
from gaia_ssl.search import Search, SearchSettings
from gaia_ssl.search.candidates import Candidates
from gaia_ssl.search.judge import JUDGES, RANDOM, Judge, Standing
from gaia_ssl.search.search import labeled_images
from gaia_ssl.space import arch_key
from gaia_ssl.utils import UserError

SETTINGS = SearchSettings(
    task='dense', input_size=40, bn_group=5, strategy=dict(type='random', num=30), seed=3
)


@pytest.fixture(scope='module', params=['class', 'map'])
def labeled(request, tmp_path_factory):
    """Ten images of two classes, or with label maps of two classes."""
    root = tmp_path_factory.mktemp(request.param)
    for index in range(10):
        noise = np.random.default_rng(index).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        folder = root / (f'class{index % 2}' if request.param == 'class' else 'images')
        folder.mkdir(exist_ok=True)
        Image.fromarray(noise).save(folder / f'{index}.png')
        if request.param == 'map':
            (root / 'annotations').mkdir(exist_ok=True)
            labels = (noise[..., 0] > 128).astype(np.uint8)
            Image.fromarray(labels).save(root / 'annotations' / f'{index}.png')
    return labeled_images(root, default_pipeline(40))


@pytest.fixture(scope='module')
def judged(supernet, photos, labeled, tmp_path_factory):
    """A search, its judge, and the search that judged."""
    folder = tmp_path_factory.mktemp('search')
    job = Search(supernet, photos, SETTINGS)
    result = job.run(str(folder / 'first'))
    judge = Judge(labeled.kind, SETTINGS, job.candidates)
    own = Search(supernet, photos, judge.settings(result), labeled=labeled)
    return job.candidates.feasible, result, judge, own.run(str(folder / 'judged'))


def test_the_best_the_largest_the_widest_and_random_ones_are_judged(judged):
    feasible, result, judge, _ = judged
    chosen = judge.chosen(result)
    rows = list(feasible)
    assert [arch for role, arch in chosen if role.startswith('rank')] == [
        row['arch'] for row in result['subnets'][:5]
    ]
    assert [role for role, _ in chosen[:5]] == [f'rank {n}' for n in range(1, 6)]
    named = dict(chosen)
    most = max(rows, key=lambda row: row.costs['params'])
    assert named['most parameters'] == most.arch
    widest = [row for row in rows if row.arch['width'][-1] == most.arch['width'][-1]]
    assert named['widest last stage'] == min(widest, key=lambda row: row.costs['params']).arch
    random = [arch for role, arch in chosen if role == 'random']
    assert len(random) == len({*map(arch_key, random)}) == RANDOM
    assert random == [arch for role, arch in judge.chosen(result) if role == 'random']
    other = Judge(judge.kind, replace(SETTINGS, seed=4), judge.candidates)
    assert random != [arch for role, arch in other.chosen(result) if role == 'random']


def test_judges_do_not_change_the_distance(judged):
    _, result, judge, found = judged
    distances = {arch_key(row['arch']): row['distance'] for row in result['subnets']}
    shared = [row for row in found['subnets'] if arch_key(row['arch']) in distances]
    assert len(shared) >= 5
    for row in shared:
        # in blocks, not by groups: rounding differs
        assert row['distance'] == pytest.approx(distances[arch_key(row['arch'])], rel=1e-4)


def test_figures_and_standings(judged):
    _, result, judge, found = judged
    report = judge.judgement(result, found)
    names = [*JUDGES[judge.kind]]
    types = [term['type'] for term in found['meta']['distances']]
    assert report['labels_count'] == 10
    assert [row['arch'] for row in report['subnets']] == [
        row['arch'] for row in [*found['subnets'], *found['anchors']]
    ]
    assert report['subnets'][-1]['roles'] == [found['anchors'][-1]['name']]
    inside = report['subnets'][: len(found['subnets'])]
    for name, standing in zip(names, report['standings'], strict=True):
        column = types.index(JUDGES[judge.kind][name])
        wrong = np.array([row['terms'][column] for row in found['subnets']])
        figures = 100 - 100 * wrong
        assert [row['judges'][name] for row in inside] == pytest.approx(figures)
        [pick] = [f for f, row in zip(figures, inside, strict=True) if 'rank 1' in row['roles']]
        random = [f for f, row in zip(figures, inside, strict=True) if 'random' in row['roles']]
        assert len(random) == RANDOM
        beaten = np.mean([(pick > f) + (pick == f) / 2 for f in random])
        error = 100 * np.sqrt(pick / 100 * (1 - pick / 100) / 10)
        distances = [row['distance'] for row in found['subnets']]
        assert standing == dict(
            judge=name,
            pick=pytest.approx(pick),
            error=pytest.approx(error) if judge.kind == 'class' else None,
            best=pytest.approx(
                max(row['judges'][name] for row in inside if 'rank' in ' '.join(row['roles']))
            ),
            random=pytest.approx(np.mean(random)),
            deviation=pytest.approx(np.std(random)),
            beaten=pytest.approx(beaten),
            correlation=pytest.approx(spearmanr(distances, wrong).statistic),
        )


@pytest.mark.parametrize('pick, verb', [(60.0, 'is'), (57.5, 'is NOT')])
def test_one_sentence_says_how_the_pick_stands(pick, verb):
    standing = Standing('kNN top-1', pick, 1.55, 61.0, 57.5, 1.9, 0.75, 0.354)
    assert standing.line() == (
        f'kNN top-1: the pick {verb} better than random archs of the budget: {pick} (standard '
        'error 1.6), and they 57.5 on average (deviation 1.9); it beats 75% of them; best of the '
        'short list 61.0; rank correlation with the distance +0.35'
    )
    assert 'standard' not in standing._replace(error=None).line()


def test_a_search_that_reads_labels_is_not_judged(supernet):
    settings = replace(SETTINGS, task='global', distance='label_knn')
    candidates = Candidates(supernet.student[0].space, settings)
    with pytest.raises(UserError, match='judge: the search reads labels itself'):
        Judge('class', settings, candidates)
