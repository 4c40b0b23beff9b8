"""What the evidence study computes, and a small one from end to end."""

import json
import os
import shutil
import subprocess
import sys
from argparse import Namespace
from importlib.machinery import SourceFileLoader
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.benchmark.stages import StageError
from gaia_ssl.registry import MODELS
from gaia_ssl.utils.cli import load_config

ROOT = Path(__file__).resolve().parents[3]
CONFIG = 'configs/simsiam/simsiam_tiny10to22_bs64-coslr-10e_cifar10.py'
study = SourceFileLoader('evidence', str(ROOT / 'tools/studies/evidence.py')).load_module()
SCORES = study.unlabeled('global')


def write_search(folder, rows):
    folder.mkdir(parents=True)
    (folder / 'search.json').write_text(json.dumps(dict(meta={}, subnets=rows, anchors=[])))


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Searches of two trainings: the first score is the truth, the second its opposite."""
    band = study.Band((0, 1), study.global_parts(4))
    monkeypatch.setattr(study, 'band_of', lambda config, task, size: band)
    rng = np.random.default_rng(0)
    args = Namespace(work_dir=tmp_path / 'work', task='global', archs=30, input_size=None)
    for seed in range(2):
        run = tmp_path / 'trainings' / f'seed{seed}'
        run.mkdir(parents=True)
        (run / 'config.py').touch()
        (run / 'epoch_1.pth').touch()
        errors = rng.uniform(0.4, 0.6, (30, 2))  # by truth
        others = rng.normal(size=(30, len(SCORES) - 2))
        for half in study.HALVES:
            noise = rng.normal(size=(30, 2), scale=0.01)
            rows = []
            for i in range(30):
                scores = [errors[i, 0], -errors[i, 0], *others[i]] if half == 'a' else []
                arch = dict(width=[8, 16 + i % 3], depth=[1, 1 + i % 2])
                terms = [*(errors[i] + noise[i]), *scores]
                costs = dict(flops=i + 1, params=99 - i, memory=1)
                rows.append(dict(arch=dict(arch, number=i), **costs, distance=0.0, terms=terms))
            write_search(args.work_dir / f'net{seed}{half}', rows)
        own = [row | dict(terms=rng.normal(size=len(study.OWN['global'])).tolist()) for row in rows]
        write_search(args.work_dir / f'net{seed}max', own)
    args.supernets = [f'net={tmp_path / "trainings"}']
    return args


def test_rows(found):
    result = study.analyse(study.read_all(found), 'global')
    rows = result['rows']
    names = [*SCORES, *study.OWN['global'], *study.SUMS, *study.SIZES]
    assert len(rows) == 2 * len(names) * 3
    first = [r for r in rows if r.get('score') == SCORES[0] and r['truth'] == 'knn']
    assert [row['seed'] for row in first] == [0, 1, 'all']
    data = study.read(found, 'net', 0, study.global_parts(4))
    parts = [data['score'][name] / data['score'][name].std() for name in study.SUMS[0]]
    np.testing.assert_allclose(data['score'][' + '.join(study.SUMS[0])], sum(parts))
    truth = data['truth']['knn'].mean(1)
    assert data['truth']['knn'].shape == (30, 2)
    want = spearmanr(data['score'][SCORES[0]], truth).statistic
    assert first[0]['spearman'] == pytest.approx(want) and want > 0.95
    assert first[0]['low'] <= want <= first[0]['high']
    assert first[0]['regret'] < 1.5 and first[0]['regret_top5'] == 0
    assert first[0]['gain'] == pytest.approx(truth.max() - np.median(truth), abs=1.5)
    assert first[2]['spearman'] == pytest.approx((want + first[1]['spearman']) / 2)
    second = [r for r in rows if r.get('score') == SCORES[1] and r['truth'] == 'knn']
    assert second[2]['spearman'] == pytest.approx(-first[2]['spearman'])
    assert second[0]['regret'] > 15
    assert all(0.9 < row['reliability'] <= 1 for row in result['truths'])
    widths = [r for r in rows if r.get('baseline') == 'width']
    assert all(np.isnan(row['partial_width']) for row in widths)


def test_tables_and_json(found):
    result = dict(
        study.rounded(study.analyse(study.read_all(found), 'global'), 4),
        machine=dict(cores=1, cpu='one'),
        versions={},
    )
    again = json.loads(json.dumps(result, allow_nan=False))
    text = study.as_markdown(again)
    assert (
        'Supernet net, classification, 30 archs:' in text
        and '| **width** |' in text
        and 'nan' not in text
    )
    best = text.split('30 archs:')[1].split('\n')[4]
    assert best.startswith(f'| {SCORES[0]} |')


def test_a_picture_of_the_best_score_and_of_sizes(found, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(study, 'save_figure', lambda figure, path: drawn.append(figure))
    data = study.read_all(found)
    study.draw(data, study.analyse(data, 'global')['rows'], tmp_path / 'picture.png')
    score, *sizes = drawn[0].axes
    assert score.get_xlabel().startswith(f'rank by {SCORES[0]}\nrank correlation +0.9')
    assert [axes.get_xlabel().split()[1] for axes in sizes] == list(study.DRAWN)
    assert len(score.collections) == 2  # trainings
    points = score.collections[0].get_offsets()
    assert sorted(points[:, 0]) == list(range(30))
    assert np.median(points[:, 1]) == pytest.approx(0, abs=1e-9)


def test_rows_of_other_supernets_are_kept():
    def result(*keys, mean):
        truths = [dict(setting=name, task=task, mean=mean) for name, task in keys]
        return dict(rows=truths, truths=truths, machine=mean)

    before = result(('a', 'dense'), ('b', 'dense'), mean=1)
    both = study.add_settings(before, result(('b', 'dense'), ('b', 'classification'), mean=2))
    found = [(row['setting'], row['task'], row['mean']) for row in both['rows']]
    assert found == [('a', 'dense', 1), ('b', 'dense', 2), ('b', 'classification', 2)]
    assert both['truths'] == both['rows'] and both['machine'] == 2


def test_labels_are_split_in_halves(tmp_path):
    for name, number in (('cat', 3), ('dog', 2)):
        (tmp_path / 'labels' / name).mkdir(parents=True)
        for i in range(number):
            (tmp_path / 'labels' / name / f'{i}.png').write_text(name)
    for _ in range(2):  # the second time they are there
        study.split_labels(tmp_path / 'labels', tmp_path / 'halves')
    halves = [
        {
            p.relative_to(tmp_path / 'halves' / half)
            for p in (tmp_path / 'halves' / half).glob('*/*')
        }
        for half in study.HALVES
    ]
    assert [len(half) for half in halves] == [3, 2] and not halves[0] & halves[1]
    with pytest.raises(StageError, match='--labels: .*nowhere does not exist'):
        study.split_labels(tmp_path / 'nowhere', tmp_path / 'halves')


def test_label_maps_are_split_with_their_images(tmp_path):
    for name in (
        'images/0.jpg',
        'images/deep/1.jpg',
        'annotations/0.png',
        'annotations/deep/1.png',
    ):
        path = tmp_path / 'labels' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    study.split_labels(tmp_path / 'labels', tmp_path / 'halves')
    for half, names in (('a', ['0']), ('b', ['deep/1'])):
        for part, ending in (('images', 'jpg'), ('annotations', 'png')):
            folder = tmp_path / 'halves' / half / part
            found = [path for path in folder.rglob('*') if path.is_file()]
            assert found == [folder / f'{name}.{ending}' for name in names]
            assert found[0].read_text().startswith(part)


@pytest.fixture
def trainings(tmp_path):
    """Two supernets of random weights, as trainings leave them."""
    torch.manual_seed(0)
    config = load_config(str(ROOT / CONFIG))
    for seed in range(2):
        run = tmp_path / 'trainings' / f'seed{seed}'
        run.mkdir(parents=True)
        config.dump(str(run / 'config.py'))
        model = MODELS.build(config.model)
        model.init_weights()
        torch.save(dict(state_dict=model.state_dict(), meta={}), run / 'epoch_1.pth')
    return tmp_path / 'trainings'


def run(tmp_path, trainings, *options):
    command = [sys.executable, study.__file__, '--supernets', f'net={trainings}', *options]
    command += ['--archs', '6', '--work-dir', str(tmp_path / 'work')]
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / 'work/evidence.json').read_text())
    seeds = {int(folder.name.removeprefix('seed')) for folder in trainings.iterdir()}
    assert {row['seed'] for row in result['rows']} == {*seeds, 'all'}
    assert all(row['archs'] == 6 for row in result['rows'])
    assert '| **depth** |' in (tmp_path / 'work/evidence.md').read_text()
    return result['rows']


@pytest.mark.parametrize('task', study.PARTS)
@pytest.mark.parametrize('method, taught', [('simsiam', False), ('distill', True)])
def test_max_is_compared_with_where_a_frozen_network_taught(task, method, taught):
    [config, *_] = sorted((ROOT / 'configs' / method).glob('*tiny10to22*cifar10.py'))
    band = study.band_of(config, task, 64)
    assert 1.1 < band.flops[1] / band.flops[0] < 1.11
    teachers = {part.teacher for part in band.parts.values()}
    assert teachers == ({'training', 'max'} if taught else {'training'})


@pytest.mark.slow
def test_a_small_study(tmp_path, trainings):
    rng = np.random.default_rng(0)
    for label, name in enumerate(('dark', 'light')):
        (tmp_path / 'labels' / name).mkdir(parents=True)
        for i in range(24):
            pixels = rng.integers(0, 128, (32, 32, 3), dtype=np.uint8) + 100 * label
            cv2.imwrite(str(tmp_path / 'labels' / name / f'{i}.png'), pixels.astype(np.uint8))
    labels = str(tmp_path / 'labels')
    rows = run(tmp_path, trainings, '--images', labels, '--labels', labels, '--num-images', '20')
    assert {row['truth'] for row in rows} == {'knn', 'ridge'}
    names = {row.get('score') for row in rows}
    assert 'cosine' in names and 'cosine to MAX' not in names


@pytest.mark.slow
def test_a_small_study_of_a_dense_task(tmp_path, trainings):
    rng = np.random.default_rng(0)
    for name in ('images', 'annotations'):
        (tmp_path / 'labels' / name).mkdir(parents=True)
    for i in range(24):
        classes = rng.integers(0, 2, (4, 4), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
        noise = rng.integers(0, 128, (64, 64, 3), dtype=np.uint8)
        pixels = noise + 100 * classes[..., None]
        cv2.imwrite(str(tmp_path / 'labels/images' / f'{i}.png'), pixels)
        cv2.imwrite(str(tmp_path / 'labels/annotations' / f'{i}.png'), classes)
    images, labels = str(tmp_path / 'labels/images'), str(tmp_path / 'labels')
    shutil.rmtree(trainings / 'seed1')
    options = ['--task', 'dense', '--num-images', '12', '--input-size', '64']
    rows = run(tmp_path, trainings, '--images', images, '--labels', labels, *options)
    assert {row['truth'] for row in rows} == {'positions'}
    assert {'cosine', 'mse 1', 'mse 3'} <= {row.get('score') for row in rows}
