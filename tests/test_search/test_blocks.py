"""Scores of whole sets, against subnets that are cut out and run one by one."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gaia_ssl.datasets.label_map_set import LabelMapSet
from gaia_ssl.datasets.labeled import LabeledImageSet
from gaia_ssl.distances import TASKS, LabelScore, WholeSetScore, build_distance, distances_of
from gaia_ssl.search import Limits, Search, SearchSettings, blocks
from gaia_ssl.search.groups import split_groups
from gaia_ssl.search.tree import build_tree
from gaia_ssl.space import get_space
from gaia_ssl.space.search_json import load_result
from gaia_ssl.utils import UserError

SPACE = get_space('tiny10to22')
GLOBAL = dict(
    cosine=1.0,
    neighbours=1.0,
    pooled_cka=0.5,
    regression=1.0,
    relation_qk=1.0,
    relation_qq=1.0,
    rank=2.0,
    dense_mse=1.0,
    dense_cka=1.0,
)
SETTINGS = dict(
    task='global',
    distance=GLOBAL,
    stages=(1, 2),
    distance_options=dict(neighbours=3),
    input_size=40,
    bn_group=5,
    strategy=dict(type='random', num=6),
)


def search(supernet, photos, **options):
    return Search(supernet, photos, SearchSettings(**(SETTINGS | options)))


def rows_of(result):
    return [*result['subnets'], *result['anchors']]


@pytest.fixture(scope='module')
def result(supernet, photos, tmp_path_factory):
    return search(supernet, photos).run(str(tmp_path_factory.mktemp('search')))


def one_by_one(supernet, photos, arch, terms, calibrated=False):
    """The terms of an arch, from static networks in training mode."""

    def read(encoder, arch):
        backbone, neck = encoder[0].extract(arch).train(), copy.deepcopy(encoder[1]).train()
        backbone.out_indices = (0, 1, 2, 3)
        images = torch.stack([photos[i] for i in range(len(photos))])
        images = supernet.data_preprocessor(dict(inputs=images))['inputs']
        sizes = [len(group) for group in split_groups(len(photos), 5)]
        found = []
        for part in [images] if calibrated else images.split(sizes):
            maps = backbone(part)
            read = dict(enumerate(maps), embedding=neck(maps[3:])[0])
            whole = [read]
            if calibrated:
                split = {key: value.split(sizes) for key, value in read.items()}
                whole = [{key: v[i] for key, v in split.items()} for i in range(len(sizes))]
            found += whole
        return found

    with torch.no_grad():
        ours, theirs = read(supernet.student, arch), read(supernet.teacher, SPACE.max)
    values = []
    for term in terms:
        per_stage = []
        for stage in term.stages:
            key = 'embedding' if term.score.reads == 'embedding' else stage
            targets = [term.score.target(group[key]) for group in theirs]
            pairs = [(group[key], target) for group, target in zip(ours, targets)]
            if isinstance(term.score, WholeSetScore):
                kept = term.score.merge([term.score.collect(*pair) for pair in pairs])
                per_stage.append(term.score.score(kept, term.score.prepare(targets)))
            else:
                found = torch.cat([term.score(*pair).double() for pair in pairs])
                per_stage.append(found.mean().item())
        values.append(np.mean(per_stage))
    return values


@pytest.mark.parametrize('policy', ['group', 'calibrated'])
def test_scores_are_those_of_subnets_one_by_one(supernet, photos, result, policy, tmp_path):
    job = search(supernet, photos, bn_policy=policy)
    found = result if policy == 'group' else job.run(str(tmp_path))
    for row in (found['subnets'][0], found['subnets'][-1], found['anchors'][1]):
        terms = job.candidates.terms
        want = one_by_one(supernet, photos, row['arch'], terms, policy == 'calibrated')
        np.testing.assert_allclose(row['terms'], want, rtol=1e-4, atol=1e-7)
        assert row['distance'] == pytest.approx(np.dot([t.weight for t in terms], row['terms']))


def test_every_score_of_a_whole_set_can_be_searched_by(supernet, photos, tmp_path):
    for task in TASKS:
        names = [
            name
            for name in distances_of(task)
            if isinstance(score := build_distance(task, name), WholeSetScore)
            and not isinstance(score, LabelScore)
        ]
        options = dict(distance=dict.fromkeys(names, 1.0), strategy=dict(type='random', num=2))
        stages = (1,) if task == 'dense' else None
        found = search(supernet, photos, task=task, stages=stages, **options)
        result = found.run(str(tmp_path / task))
        assert all(len(row['terms']) == len(names) for row in rows_of(result))


@pytest.mark.parametrize('room', [1, 3000])
@pytest.mark.parametrize('limits', [Limits(), Limits(micro_batch=2), Limits(max_memory='60M')])
def test_blocks_and_batches_do_not_change_the_result(
    supernet, photos, tmp_path, result, monkeypatch, room, limits
):
    monkeypatch.setattr(blocks, 'ROOM', room)  # blocks of one candidate or some; no targets kept
    found = search(supernet, photos).run(str(tmp_path), limits=limits)
    for row, want in zip(rows_of(found), rows_of(result), strict=True):
        assert row['arch'] == want['arch']
        np.testing.assert_allclose(row['terms'], want['terms'], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize('strategy', ['random', 'evolution'])
def test_a_stopped_search_is_resumed(supernet, photos, tmp_path, monkeypatch, strategy):
    options = dict(strategy=dict(type='random', num=6))
    if strategy == 'evolution':
        options = dict(strategy=dict(type='evolution', num=6, population=3))
    monkeypatch.setattr(blocks, 'LEAST', 2)
    monkeypatch.setattr(blocks, 'MOST', 2)
    whole, stopped = str(tmp_path / 'whole'), str(tmp_path / 'stopped')
    search(supernet, photos, **options).run(whole)
    calls, call = [], blocks.BlockScorer.__call__

    def fail(scorer, *args):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(args)
        return call(scorer, *args)

    with monkeypatch.context() as patch:
        patch.setattr(blocks.BlockScorer, '__call__', fail)
        with pytest.raises(KeyboardInterrupt):
            search(supernet, photos, **options).run(stopped)
    search(supernet, photos, **options).run(stopped, resume=True)
    assert load_result(stopped) == load_result(whole)


def test_blocks_share_steps_and_hold_every_candidate_once(monkeypatch):
    rng = np.random.default_rng(0)
    archs = [SPACE.sample(rng) for _ in range(40)]
    tree = build_tree(SPACE.family, map(SPACE.path, archs), (3,), (40, 40))
    assert [len(block) for block in blocks.make_blocks(tree, 1)] == [40]
    monkeypatch.setattr(blocks, 'LEAST', 24)
    assert [len(block) for block in blocks.make_blocks(tree, 1)] == [24, 16]
    monkeypatch.setattr(blocks, 'ROOM', 1000)
    found = blocks.make_blocks(tree, 100)
    assert [len(block) for block in found] == [10] * 4
    assert sorted(sum(found, [])) == list(range(40))
    stems = [archs[index]['stem_width'] for block in found for index in block]
    changes = sum(a != b for a, b in zip(stems, stems[1:]))
    assert changes == len(set(stems)) - 1


def test_what_is_kept_counts_as_memory(supernet, photos, tmp_path):
    job = search(supernet, photos)
    with pytest.raises(UserError, match='max_memory: .* are too few for'):
        job.run(str(tmp_path / 'a'), limits=Limits(max_memory='1M'))
    assert not (tmp_path / 'a').exists()


def test_a_diverged_network_is_named(supernet, photos, tmp_path):
    broken = copy.deepcopy(supernet)
    broken.student = copy.deepcopy(supernet.student)
    broken.student[0].conv1.weight.data.fill_(float('nan'))
    job = Search(broken, photos, SearchSettings(**SETTINGS), paths=dict(checkpoint='a.pth'))
    with pytest.raises(UserError, match='checkpoint: a.pth gives features that are not finite'):
        job.run(str(tmp_path))


@pytest.fixture(scope='module')
def labeled(photos, tmp_path_factory):
    """The photos in two class folders."""
    root = tmp_path_factory.mktemp('labeled')
    for index, name in enumerate(photos.names):
        folder = root / ('cat' if index % 3 else 'dog')
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes((Path(photos.sources[0]) / name).read_bytes())
    return LabeledImageSet(str(root), photos.pipeline)


def test_scores_by_labels(supernet, photos, labeled, tmp_path):
    """Of networks that are cut out, on the same mixed groups; beside those without labels."""
    distance = dict(cosine=1.0, label_ridge=1.0, label_knn=1.0)
    settings = SearchSettings(**(SETTINGS | dict(distance=distance, stages=None, seed=3)))
    settings = replace(settings, distance_options={})
    job = Search(supernet, photos, settings, labeled=labeled)
    result = job.run(str(tmp_path))
    assert job.identity['labels_count'] == 14
    cosine = search(supernet, photos, distance='cosine', stages=None, distance_options={}, seed=3)
    plain = {str(r['arch']): r['distance'] for r in rows_of(cosine.run(str(tmp_path / 'plain')))}
    order = np.random.default_rng(3).permutation(14)
    images = torch.stack([labeled[int(i)] for i in order])
    images = supernet.data_preprocessor(dict(inputs=images))['inputs']
    labels = torch.tensor(labeled.labels)[order]
    for row in (result['subnets'][0], result['anchors'][1]):
        assert row['terms'][0] == pytest.approx(plain[str(row['arch'])], rel=1e-6)
        backbone = supernet.student[0].extract(row['arch']).train()
        sizes = [len(group) for group in split_groups(14, 5)]
        with torch.no_grad():
            maps = torch.cat([backbone(part)[-1] for part in images.split(sizes)])
        for value, term in zip(row['terms'][1:], job.candidates.terms[1:]):
            kept = term.score.collect(maps, labels)
            assert value == pytest.approx(term.score.score(kept, term.score.prepare([labels])))


@pytest.fixture(scope='module')
def mapped(photos, tmp_path_factory):
    """The photos with label maps."""
    root = tmp_path_factory.mktemp('mapped')
    rng = np.random.default_rng(0)
    for name in ('images', 'annotations'):
        (root / name).mkdir()
    for name in photos.names:
        (root / 'images' / name).write_bytes((Path(photos.sources[0]) / name).read_bytes())
        labels = rng.integers(0, 3, (5, 5), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(labels).save(root / 'annotations' / name)
    return LabelMapSet(str(root), photos.pipeline)


def test_scores_by_label_maps(supernet, photos, mapped, tmp_path):
    distance = dict(mse=1.0, label_ridge=1.0)
    options = dict(task='dense', distance=distance, stages=(1, 2), distance_options={})
    job = Search(supernet, photos, SearchSettings(**(SETTINGS | options)), labeled=mapped)
    result = job.run(str(tmp_path))
    order = np.random.default_rng(0).permutation(14)
    images = torch.stack([mapped[int(i)] for i in order])
    images = supernet.data_preprocessor(dict(inputs=images))['inputs']
    labels = torch.stack([mapped.target(int(i)) for i in order])
    score = job.candidates.terms[1].score
    for row in (result['subnets'][0], result['anchors'][1]):
        backbone = supernet.student[0].extract(row['arch']).train()
        backbone.out_indices = (1, 2)
        sizes = [len(group) for group in split_groups(14, 5)]
        with torch.no_grad():
            parts = [backbone(part) for part in images.split(sizes)]
        values = []
        for maps in (torch.cat([part[i] for part in parts]) for i in range(2)):
            values.append(score.score(score.collect(maps, None), score.prepare([labels])))
        assert row['terms'][1] == pytest.approx(np.mean(values), abs=1e-6)
    with pytest.raises(UserError, match='has a map per image, and global_label_knn reads a class'):
        settings = SearchSettings(task='global', distance='label_knn', input_size=40, bn_group=5)
        Search(supernet, photos, settings, labeled=mapped)


@pytest.mark.parametrize(
    'distance, given, message',
    [
        ('label_knn', False, '^labels: global_label_knn needs labeled images'),
        ('cosine', True, '^labels: no score reads them; search by label_knn or'),
    ],
)
def test_labels_and_their_scores_go_together(supernet, photos, labeled, distance, given, message):
    settings = SearchSettings(task='global', distance=distance, input_size=40, bn_group=5)
    with pytest.raises(UserError, match=message):
        Search(supernet, photos, settings, labeled=labeled if given else None)


@pytest.mark.parametrize('strategy', [dict(type='random', num=5), dict(type='evolution', num=8)])
def test_terms_are_divided_by_their_spread(supernet, photos, tmp_path, strategy):
    options = dict(distance=dict(cosine=1.0, rank=2.0), stages=None, distance_options={})
    found = search(supernet, photos, combine='spread', strategy=strategy, **options)
    result = found.run(str(tmp_path))
    terms = np.array([row['terms'] for row in result['subnets']])
    weights = np.array(result['meta']['spread_weights'])
    if strategy['type'] == 'random':
        np.testing.assert_allclose(weights, [1, 2] / terms.std(0))
    for row in (*result['subnets'], *result['anchors']):
        assert row['distance'] == pytest.approx(np.dot(weights, row['terms']))


def test_a_term_that_is_equal_for_all_is_not_divided(supernet, photos, tmp_path):
    options = dict(distance=dict(cosine=1.0, rank=1.0), stages=None, distance_options={})
    one = dict(type='random', num=1)
    result = search(supernet, photos, combine='spread', strategy=one, **options).run(str(tmp_path))
    assert result['meta']['spread_weights'] == [1, 1]
