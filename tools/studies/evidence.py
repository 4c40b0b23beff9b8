"""Does a search find better networks than their size tells? Scores against labels, at equal cost.

Usage: python tools/studies/evidence.py --supernets NAME=DIR ... --images DIR --labels DIR

``DIR`` of a supernet holds trainings ``seed0``, ``seed1`` and so on, as
tools/studies/supernet_recipes.py leaves them. ``--images`` are searched on, without labels. Of each
supernet, random archs within 5% of the median of FLOPs are scored by every score of the task that
needs no labels, those that compare features also to the supernet's own largest subnet (MAX); for
``--task dense`` at each stage but the first and by some global ones. Their truth is
measured with frozen features on ``--labels``, images that the training did not see: the top-1 of
kNN and of a linear classifier (ridge regression), or the mIoU of a linear classifier of positions.
It is measured on two halves of them, whose agreement says how far it can be trusted.

Per supernet and truth: Spearman's correlation with each score and with baselines of size, the same
with the width of the last stage or the depth held fixed, and the points that the best by
the score, and the best of the five best, lose against the best of all archs. What is done is not
repeated: run the same command again to resume. ``--json`` keeps the rows of other supernets.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from gaia_ssl.benchmark.figures import rounded
from gaia_ssl.benchmark.pipeline import Pipeline, orderly_exit
from gaia_ssl.benchmark.sizes import SIZES
from gaia_ssl.benchmark.stages import Stage, StageError
from gaia_ssl.benchmark.trainings import trainings_of
from gaia_ssl.datasets.label_map_set import is_label_map_set
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
from gaia_ssl.visualization.figure import save_figure

BAND = 0.05  # of the median of FLOPs, to either side
SHORT_LIST = 5
HALVES = ('a', 'b')
SUMS = (('neighbours', 'relation_qq'), ('neighbours', 'cosine'), ('neighbours', 'rank'))
"""Scores that are added after division by their spread, as ``--combine spread`` does."""
OWN = {
    'global': ('cosine', 'relation_qk', 'neighbours', 'pooled_neighbours', 'pooled_cka'),
    'dense': ('cka', 'cosine', 'kl', 'mse', 'pooled_neighbours'),
}
"""Scores of a task that are taken to MAX, too."""
BESIDE = ('cosine', 'cka', 'pooled_rank', 'pooled_neighbours')
"""Global scores that are compared with the dense ones."""
DRAWN = ('FLOPs', 'params')
"""The sizes that are drawn."""
COLUMNS = ('', ', width fixed', ': pick', ': best of 5 loses')


class Part(NamedTuple):
    """A search of a supernet.

    Attributes:
        distances: Its terms: those of the truths, then those of the scores.
        truths: Names of the truths.
        scores: Names of the scores.
        options: Further options of the command.
        labels: The half of the labels that it reads, if any.
        teacher: What it compares with.
    """

    distances: Sequence[str]
    truths: Sequence[str] = ()
    scores: Sequence[str] = ()
    options: Sequence[str] = ()
    labels: str | None = None
    teacher: str = 'training'


def unlabeled(task: str) -> list[str]:
    """The scores of a task that need no labels."""
    names = distances_of(task)
    return [n for n in names if not issubclass(DISTANCES.get(f'{task}_{n}'), LabelScore)]


def global_parts(stages: int) -> dict[str, Part]:
    """The searches for classification."""
    scores, truths = unlabeled('global'), ['label_knn', 'label_ridge']
    names = ['knn', 'ridge']
    own = OWN['global']
    return dict(
        a=Part([*truths, *scores], names, scores, labels='a'),
        b=Part(truths, names, labels='b'),
        max=Part(own, (), [f'{score} to MAX' for score in own], teacher='max'),
    )


def dense_parts(stages: int) -> dict[str, Part]:
    """The searches for detection and segmentation: scores of each stage but the first."""
    later = [*map(str, range(1, stages))]
    truth = [Part(['label_ridge'], ['positions'], (), ['--stages', *later], h) for h in HALVES]
    scores, own = unlabeled('dense'), OWN['dense']
    found = dict(zip(HALVES, truth))
    found['global'] = Part([f'global_{name}' for name in BESIDE], (), BESIDE)
    beside = OWN['global']
    to_max = [f'{name} to MAX' for name in beside]
    found['globalmax'] = Part([f'global_{name}' for name in beside], (), to_max, teacher='max')
    for stage in later:
        names = [f'{score} {stage}' for score in scores]
        to_max = [f'{score} {stage} to MAX' for score in own]
        found[f'stage{stage}'] = Part(scores, (), names, ['--stages', stage])
        found[f'stage{stage}max'] = Part(own, (), to_max, ['--stages', stage], teacher='max')
    return found


PARTS = {'global': global_parts, 'dense': dense_parts}
NAMES = {'global': 'classification', 'dense': 'dense'}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--supernets', nargs='+', required=True, metavar='NAME=DIR', help='folders of trainings'
    )
    parser.add_argument('--task', choices=PARTS, default='global', help='default: %(default)s')
    parser.add_argument('--images', type=Path, required=True, help='unlabeled images')
    parser.add_argument(
        '--labels',
        type=Path,
        required=True,
        help='labeled images: class folders, or for the task dense images and annotations',
    )
    parser.add_argument(
        '--input-size', type=int, help="side of the images in pixels; default: the config's"
    )
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
    parser.add_argument(
        '--picture', type=Path, help='PNG of the first supernet: truth against score and sizes'
    )
    return parser.parse_args()


def split_labels(source: Path, folder: Path) -> None:
    """Link every other labeled image, and its label map, into one of two folders."""
    if not source.is_dir():
        raise StageError(f'--labels: {source} does not exist')
    maps = is_label_map_set(str(source))
    images = source / 'images' if maps else source
    files = sorted(path for path in images.rglob('*') if path.is_file())
    for index, path in enumerate(files):
        linked = [path.relative_to(source)]
        if maps:
            linked.append(Path('annotations', path.relative_to(images)).with_suffix('.png'))
        for name in linked:
            link = folder / HALVES[index % 2] / name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                os.symlink((source / name).absolute(), link)


class Band(NamedTuple):
    """The archs that are drawn of a supernet, and their searches.

    Attributes:
        flops: The interval of their FLOPs.
        parts: The searches.
    """

    flops: tuple[float, float]
    parts: dict[str, Part]


def band_of(config: Path, task: str, size: int | None) -> Band:
    """The archs that are drawn, and the searches; MAX is compared with where it is no teacher.

    Args:
        config: The config of a training.
        task: The task.
        size: Side of the images in pixels. Defaults to the config's.
    """
    loaded = load_config(str(config))
    space = build_supernet_backbone(loaded).space
    middle = float(np.median(space.costs(SearchDefaults.of(loaded, size).input_size).flops))
    parts = PARTS[task](len(space.path(space.max).stages))
    if 'teacher' not in loaded.model:
        parts = {key: part for key, part in parts.items() if part.teacher == 'training'}
    return Band((middle * (1 - BAND), middle * (1 + BAND)), parts)


def stages_of(args: argparse.Namespace) -> list[Stage]:
    """The searches of each supernet."""
    stages = []
    for (name, seed), (config, checkpoint) in trainings_of(args.supernets).items():
        band = band_of(config, args.task, args.input_size)
        for key, part in band.parts.items():
            folder = args.work_dir / f'{name}{seed}{key}'
            command = [sys.executable, ROOT / 'tools/search.py', config, checkpoint]
            command += ['--images', args.images.absolute(), '--task', args.task]
            command += ['--distance', *part.distances, '--teacher', part.teacher, *part.options]
            command += ['--labels', args.work_dir / 'labels' / part.labels] if part.labels else []
            command += ['--flops', *band.flops, '--strategy', 'random', '--num', args.archs]
            command += ['--num-images', args.num_images, '--micro-batch', 4]
            command += ['--input-size', args.input_size] if args.input_size else []
            command += ['--work-dir', folder, '--resume']
            stages.append(
                Stage(
                    f'{name}/seed{seed}/{key}',
                    list(map(str, command)),
                    [folder / 'search.json'],
                    env=dict(OMP_NUM_THREADS='1'),
                    folder=folder,
                    resumes=True,
                )
            )
    return stages


def read(args: argparse.Namespace, name: str, seed: int, parts: dict[str, Part]) -> dict[str, Any]:
    """The scores of a supernet's archs, higher is better, their sizes and their truths.

    Args:
        args: The command line.
        name: The name of the supernet.
        seed: The seed of its training.
        parts: The searches.
    """
    archs: list[str] = []
    rows: dict[str, dict[str, Any]] = {}
    scores: dict[str, np.ndarray] = {}
    truths: dict[str, list[np.ndarray]] = {}
    for key, part in parts.items():
        found = load_result(str(args.work_dir / f'{name}{seed}{key}'))['subnets']
        rows = {json.dumps(row['arch']): row for row in found}
        archs = archs or sorted(rows)
        # of one term alone there is no list
        terms = np.array([np.atleast_1d(rows[a].get('terms', rows[a]['distance'])) for a in archs])
        for truth, values in zip(part.truths, terms.T):
            truths.setdefault(truth, []).append(100 * (1 - values))  # in percent
        scores |= dict(zip(part.scores, -terms.T[len(part.truths) :], strict=True))
    for names in SUMS:
        if scores.keys() >= {*names}:
            scores[' + '.join(names)] = sum(scores[name] / scores[name].std() for name in names)
    sizes = {
        kind: np.array([value(rows[arch]) for arch in archs], float)
        for kind, value in SIZES.items()
    }
    # (archs, halves)
    halves = {truth: np.stack(values, 1) for truth, values in truths.items()}
    return dict(score=scores, baseline=sizes, truth=halves)


def read_all(args: argparse.Namespace) -> dict[str, dict[int, dict[str, Any]]]:
    """Scores, sizes and truths of the archs of each supernet, by its name and its seed."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for (name, seed), (config, _) in trainings_of(args.supernets).items():
        parts = band_of(config, args.task, args.input_size).parts
        found.setdefault(name, {})[seed] = read(args, name, seed, parts)
    return found


def analyse(found: dict[str, dict[int, dict[str, Any]]], task: str) -> dict[str, Any]:
    """A row for each supernet, seed, truth and score; and one for all seeds together."""
    rows, truths = [], []
    for setting, seeds in found.items():
        for truth in next(iter(seeds.values()))['truth']:
            about = dict(setting=setting, task=NAMES[task], truth=truth)
            for seed, data in seeds.items():
                halves = data['truth'][truth]
                mean = halves.mean(1)
                truths.append(
                    dict(
                        setting=setting,
                        task=NAMES[task],
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
                    rows += _rows(about, kind, key, seeds)
    return dict(rows=rows, truths=truths)


def _rows(
    about: dict[str, str], kind: str, key: str, seeds: dict[int, dict]
) -> list[dict[str, Any]]:
    """The rows of a score: one per seed, and their means."""
    truth, common = about['truth'], about | {kind: key}
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


def draw(
    found: dict[str, dict[int, dict[str, Any]]], rows: list[dict[str, Any]], path: Path
) -> None:
    """Draw the truth of archs of equal cost against the best score, and against their sizes.

    Of the first supernet and its first truth: points over the median arch of each training.
    """
    setting, seeds = next(iter(found.items()))
    truth = next(iter(next(iter(seeds.values()))['truth']))
    own = [r for r in rows if (r['setting'], r['truth'], r['seed']) == (setting, truth, 'all')]
    best = max((r for r in own if 'score' in r), key=lambda r: r['spearman'])
    shown = {('score', best['score']): best}
    shown |= {('baseline', r['baseline']): r for r in own if r.get('baseline') in DRAWN}
    figure = Figure(figsize=(4 * len(shown), 3.4), layout='constrained')
    panels = figure.subplots(1, len(shown), sharey=True)
    for axes, ((kind, name), row) in zip(panels, shown.items(), strict=True):
        for seed, data in seeds.items():
            values, mean = data[kind][name], data['truth'][truth].mean(1)
            order = values.argsort().argsort() if kind == 'score' else values / values.mean()
            axes.scatter(order, mean - np.median(mean), s=12, alpha=0.7, label=f'training {seed}')
        axes.axhline(0, color='0.7', linewidth=0.8, zorder=0)
        of = 'rank by' if kind == 'score' else 'relative'
        axes.set_xlabel(f'{of} {name}\nrank correlation {row["spearman"]:+.2f}')
    panels[0].set_ylabel(f'{truth} top-1, points over the median')
    panels[0].set_title('chosen without labels', fontsize=10)
    panels[1].set_title('chosen by size', fontsize=10, loc='left')
    save_figure(figure, str(path))


def add_settings(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The figures of a run, after those of an earlier one for other supernets or tasks."""
    done = {(row['setting'], row['task']) for row in after['rows']}
    kept = {
        key: [row for row in before[key] if (row['setting'], row['task']) not in done]
        for key in ('rows', 'truths')
    }
    return after | {key: kept[key] + after[key] for key in kept}


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
    for setting, task in dict.fromkeys((r['setting'], r['task']) for r in result['rows']):
        rows = [r for r in result['rows'] if (r['setting'], r['task']) == (setting, task)]
        parts += [f'Supernet {setting}, {task}, {rows[0]["archs"]} archs:', _table(rows)]
    return '\n\n'.join([*parts, as_line(result)]) + '\n'


def _table(rows: list[dict[str, Any]]) -> str:
    chosen = [row for row in rows if row['seed'] == 'all']
    by_name: dict[str, dict[str, dict]] = {}
    for row in chosen:
        name = row['score'] if 'score' in row else f'**{row["baseline"]}**'
        by_name.setdefault(name, {})[row['truth']] = row
    lines = []
    truths = list(dict.fromkeys(row['truth'] for row in chosen))
    for name, found in sorted(
        by_name.items(), key=lambda item: -fmean(row['spearman'] for row in item[1].values())
    ):
        cells = [name]
        for row in (found[truth] for truth in truths):
            cells += [
                f'{row["spearman"]:+.2f} ({row["low"]:+.2f} to {row["high"]:+.2f})',
                '' if row['partial_width'] is None else f'{row["partial_width"]:+.2f}',
                f'{row["gain"]:+.1f}',
                f'{row["regret_top5"]:.1f}',
            ]
        lines.append(cells)
    head = ['', *(f'{truth}{word}' for truth in truths for word in COLUMNS)]
    return table(head, lines)


def main() -> None:
    args = parse_args()
    args.work_dir = args.work_dir.absolute()
    with orderly_exit('evidence'), lock(args.work_dir, '--work-dir'):
        split_labels(args.labels, args.work_dir / 'labels')
        Pipeline(stages_of(args), args.work_dir).run()
        target = args.json or args.work_dir / 'evidence.json'
        found = read_all(args)
        figures = analyse(found, args.task)
        if args.picture:
            draw(found, figures['rows'], args.picture)
        result = dict(rounded(figures, 4), machine=machine(), versions=versions())
        if target.is_file():
            result = add_settings(json.loads(target.read_text()), result)
        write_json(target, result)
        text = as_markdown(result)
        with atomic_write(str(args.work_dir / 'evidence.md')) as file:
            file.write(text)
        print(text)


if __name__ == '__main__':
    run_cli(main)
