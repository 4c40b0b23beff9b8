"""Does a search find better networks than their size tells? Scores against labels, at equal cost.

Usage: python tools/studies/evidence.py --supernets NAME=DIR ... --images DIR --labels DIR

``DIR`` of a supernet holds trainings ``seed0``, ``seed1`` and so on, as
tools/studies/supernet_recipes.py leaves them. ``--images`` are searched on, without labels. Of each
supernet, random archs within 5% of the median of FLOPs are scored by every global score there is,
and by some that compare with the supernet's own largest subnet (MAX). Their truth is the top-1 of
frozen features on ``--labels``, images that the training did not see, one folder per class: by kNN
and by a linear classifier (ridge regression). It is measured on two halves of them, whose agreement
says how far it can be trusted.

Per supernet and truth: Spearman's correlation with each score and with baselines of size, the same
with the width of the last stage or the depth held fixed, and the points of top-1 that the best by
the score, and the best of the five best, lose against the best of all archs. What is done is not
repeated: run the same command again to resume.
"""

import argparse
import json
import math
import os
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from gaia_ssl.benchmark.pipeline import Pipeline, orderly_exit
from gaia_ssl.benchmark.sizes import SIZES
from gaia_ssl.benchmark.stages import Stage, StageError
from gaia_ssl.benchmark.trainings import trainings_of
from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.distances import LabelScore, distances_of
from gaia_ssl.evaluation.correlation import correlate, partial_spearman, regret, reliability
from gaia_ssl.models.supernet import build_supernet_backbone
from gaia_ssl.registry import DISTANCES
from gaia_ssl.space.search_json import load_result
from gaia_ssl.utils.cli import load_config, run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import atomic_write, write_json
from gaia_ssl.utils.lock import lock
from gaia_ssl.utils.markdown import table
from gaia_ssl.utils.paths import ROOT

BAND = 0.05  # of the median of FLOPs, to either side
SHORT_LIST = 5
TRUTHS = ('knn', 'ridge')
HALVES = ('a', 'b')
SCORES = [
    name
    for name in distances_of('global')
    if not issubclass(DISTANCES.get(f'global_{name}'), LabelScore)
]
OWN = ('cosine', 'relation_qk', 'neighbours', 'pooled_neighbours', 'pooled_cka')
"""Scores that are taken to MAX, too."""
SUMS = (('neighbours', 'relation_qq'), ('neighbours', 'cosine'), ('neighbours', 'rank'))
"""Scores that are added after division by their spread, as ``--combine spread`` does."""
COLUMNS = ('', ', width fixed', ': pick', ': best of 5 loses')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--supernets', nargs='+', required=True, metavar='NAME=DIR', help='folders of trainings'
    )
    parser.add_argument('--images', type=Path, required=True, help='unlabeled images')
    parser.add_argument('--labels', type=Path, required=True, help='labeled images')
    parser.add_argument('--archs', type=int, default=120, help='archs (default: %(default)s)')
    parser.add_argument(
        '--num-images', type=int, default=1024, help='to search on (default: %(default)s)'
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/evidence'),
        help='where everything goes (default: %(default)s)',
    )
    parser.add_argument('--json', type=Path, help='where the figures go, if elsewhere')
    return parser.parse_args()


def split_labels(source: Path, folder: Path) -> None:
    """Link every other labeled image into one of two folders, if they are not there."""
    if not source.is_dir():
        raise StageError(f'--labels: {source} does not exist')
    files = sorted(path for path in source.rglob('*') if path.is_file())
    for index, path in enumerate(files):
        link = folder / HALVES[index % 2] / path.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            os.symlink(path.absolute(), link)


def band_of(config: Path) -> tuple[float, float]:
    """The interval of FLOPs that archs are drawn from."""
    loaded = load_config(str(config))
    space = build_supernet_backbone(loaded).space
    middle = float(np.median(space.costs(SearchDefaults.of(loaded).input_size).flops))
    return middle * (1 - BAND), middle * (1 + BAND)


def stages_of(args: argparse.Namespace) -> list[Stage]:
    """Of each supernet: a search by all scores and half of the labels, by the rest, to MAX."""
    stages = []
    for (name, seed), (config, checkpoint) in trainings_of(args.supernets).items():
        low, high = band_of(config)
        labels = [f'label_{truth}' for truth in TRUTHS]
        given = {half: ['--labels', str(args.work_dir / 'labels' / half)] for half in HALVES}
        searches = dict(
            a=[*given['a'], '--distance', *labels, *SCORES],
            b=[*given['b'], '--distance', *labels],
            max=['--teacher', 'max', '--distance', *OWN],
        )
        for part, scores in searches.items():
            folder = args.work_dir / f'{name}{seed}{part}'
            command = [sys.executable, str(ROOT / 'tools/search.py'), str(config), str(checkpoint)]
            command += ['--images', str(args.images.absolute()), '--task', 'global', *scores]
            command += ['--flops', str(low), str(high), '--num', str(args.archs)]
            command += ['--num-images', str(args.num_images), '--micro-batch', '4']
            stages.append(
                Stage(
                    f'{name}/seed{seed}/{part}',
                    [*command, '--work-dir', str(folder), '--resume'],
                    [folder / 'search.json'],
                    env=dict(OMP_NUM_THREADS='1'),
                    folder=folder,
                    resumes=True,
                )
            )
    return stages


def read(args: argparse.Namespace, name: str, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """The scores of a supernet's archs, higher is better, their baselines and their truths."""
    rows = {}
    for part in (*HALVES, 'max'):
        result = load_result(str(args.work_dir / f'{name}{seed}{part}'))
        rows[part] = {json.dumps(row['arch']): row for row in result['subnets']}
    archs = sorted(rows['a'])
    terms = {
        part: np.array([found[arch]['terms'] for arch in archs]) for part, found in rows.items()
    }
    number = len(TRUTHS)
    scores = {score: -terms['a'][:, number + i] for i, score in enumerate(SCORES)}
    scores |= {f'{score} to MAX': -terms['max'][:, i] for i, score in enumerate(OWN)}
    for names in SUMS:
        scores[' + '.join(names)] = sum(scores[name] / scores[name].std() for name in names)
    return dict(
        score=scores,
        baseline={
            kind: np.array([value(rows['a'][arch]) for arch in archs], float)
            for kind, value in SIZES.items()
        },
        # (archs, halves), in percent
        truth={
            truth: 100 * (1 - np.stack([terms[half][:, i] for half in HALVES], 1))
            for i, truth in enumerate(TRUTHS)
        },
    )


def analyse(args: argparse.Namespace) -> dict[str, Any]:
    """A row for each supernet, seed, truth and score; and one for all seeds together."""
    found: dict[str, dict[int, dict]] = {}
    for name, seed in trainings_of(args.supernets):
        found.setdefault(name, {})[seed] = read(args, name, seed)
    rows, truths = [], []
    for setting, seeds in found.items():
        for truth in TRUTHS:
            for seed, data in seeds.items():
                halves = data['truth'][truth]
                mean = halves.mean(1)
                truths.append(
                    dict(
                        setting=setting,
                        seed=seed,
                        truth=truth,
                        mean=mean.mean(),
                        std=mean.std(ddof=1),
                        best=mean.max(),
                        reliability=reliability(*halves.T),
                    )
                )
            for kind in ('score', 'baseline'):
                for key in next(iter(seeds.values()))[kind]:
                    rows += _rows(setting, truth, kind, key, seeds)
    return dict(rows=rows, truths=truths, archs=args.archs, images=args.num_images)


def _rows(
    setting: str, truth: str, kind: str, key: str, seeds: dict[int, dict]
) -> list[dict[str, Any]]:
    """The rows of a score: one per seed, and their means."""
    common = {'setting': setting, 'task': 'classification', 'truth': truth, kind: key}
    rows, pairs = [], []
    for seed, data in seeds.items():
        values, mean = data[kind][key], data['truth'][truth].mean(1)
        pairs.append((values, mean))
        rows.append(
            dict(
                common,
                seed=seed,
                archs=len(values),
                **correlate([(values, mean)], 0)._asdict(),
                partial_width=partial_spearman(values, mean, data['baseline']['width']),
                partial_depth=partial_spearman(values, mean, data['baseline']['depth']),
                regret=regret(values, mean),
                regret_top5=regret(values, mean, SHORT_LIST),
                gain=float(mean[np.argmax(values)] - np.median(mean)),
                reliability=reliability(*data['truth'][truth].T),
            )
        )
    both = {k: fmean(row[k] for row in rows) for k in ('partial_width', 'partial_depth')}
    both |= {k: fmean(r[k] for r in rows) for k in ('regret', 'regret_top5', 'gain', 'reliability')}
    summary = dict(common, seed='all', archs=rows[0]['archs'], **correlate(pairs, 0)._asdict())
    return [*rows, summary | both]


def as_markdown(result: dict[str, Any]) -> str:
    """The truths, and for each supernet its scores: means over the seeds, the best first."""
    truths = [
        [
            row['setting'],
            str(row['seed']),
            row['truth'],
            *(f'{row[key]:.1f}' for key in ('mean', 'best')),
            *(f'{row[key]:.2f}' for key in ('std', 'reliability')),
        ]
        for row in result['truths']
    ]
    parts = [
        table(['supernet', 'seed', 'truth', 'mean', 'best', 'deviation', 'reliability'], truths)
    ]
    for setting in dict.fromkeys(row['setting'] for row in result['rows']):
        parts += [f'Supernet {setting}:', _table(result['rows'], setting)]
    return '\n\n'.join([*parts, as_line(result)]) + '\n'


def _table(rows: list[dict[str, Any]], setting: str) -> str:
    chosen = [row for row in rows if row['setting'] == setting and row['seed'] == 'all']
    by_name: dict[str, dict[str, dict]] = {}
    for row in chosen:
        name = row['score'] if 'score' in row else f'**{row["baseline"]}**'
        by_name.setdefault(name, {})[row['truth']] = row
    lines = []
    for name, found in sorted(
        by_name.items(), key=lambda item: -fmean(row['spearman'] for row in item[1].values())
    ):
        cells = [name]
        for row in (found[truth] for truth in TRUTHS):
            cells += [
                f'{row["spearman"]:+.2f} ({row["low"]:+.2f} to {row["high"]:+.2f})',
                '' if row['partial_width'] is None else f'{row["partial_width"]:+.2f}',
                f'{row["gain"]:+.1f}',
                f'{row["regret_top5"]:.1f}',
            ]
        lines.append(cells)
    head = ['', *(f'{truth}{word}' for truth in TRUTHS for word in COLUMNS)]
    return table(head, lines)


def _plain(value: Any) -> Any:
    """Numbers that JSON has: NaN, where a size is held fixed that the score is, becomes null."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, int | str):
        return value
    return None if math.isnan(value) else round(float(value), 4)


def main() -> None:
    args = parse_args()
    args.work_dir = args.work_dir.absolute()
    with orderly_exit('evidence'), lock(args.work_dir, '--work-dir'):
        split_labels(args.labels, args.work_dir / 'labels')
        Pipeline(stages_of(args), args.work_dir).run()
        result = dict(_plain(analyse(args)), machine=machine(), versions=versions())
        write_json(args.json or args.work_dir / 'evidence.json', result)
        text = as_markdown(result)
        with atomic_write(str(args.work_dir / 'evidence.md')) as file:
            file.write(text)
        print(text)


if __name__ == '__main__':
    run_cli(main)
