"""Is a searched subnet better than one chosen otherwise? Finetuned at equal cost, several seeds.

Usage: python tools/studies/picks.py --supernets NAME=DIR ... --images DIR --tasks CONFIG ...

``DIR`` of a supernet holds trainings ``seed0``, ``seed1`` and so on, as
tools/studies/supernet_recipes.py leaves them. Random archs within 5% of the middle of ``--flops``
are scored on ``--images``, without labels. The best by each score are compared with archs that are
chosen without a search: the one with the widest last stage, the one with the most parameters, the
most proportional one (every choice at about the same share of its range, as in a ResNet-50), and
random ones. All are extracted and finetuned on ``--tasks``, configs of tools/benchmarks/run.py,
with the seed of their training. Per task and choice: its mean over the seeds, and how many points
it is better than the median of the random archs of its seed, with a 95% interval. With eight random
archs or more, also Spearman's correlation of the scores and of sizes with the figure, over these.
What is done is not repeated: run the same command again to resume.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import numpy as np
from scipy.stats import t as student

from gaia_ssl.benchmark.figures import rounded
from gaia_ssl.benchmark.pipeline import Pipeline, orderly_exit
from gaia_ssl.benchmark.sizes import SIZES
from gaia_ssl.benchmark.stages import Stage
from gaia_ssl.benchmark.trainings import Training, trainings_of
from gaia_ssl.distances import TASKS
from gaia_ssl.evaluation.correlation import correlate
from gaia_ssl.export import choose_arch, extract
from gaia_ssl.models.supernet import build_supernet_backbone
from gaia_ssl.search.settings import TEACHERS
from gaia_ssl.space import Arch, SearchSpace
from gaia_ssl.space.search_json import load_result
from gaia_ssl.utils.cli import load_config, run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import atomic_write, write_json
from gaia_ssl.utils.lock import lock
from gaia_ssl.utils.markdown import table
from gaia_ssl.utils.paths import ROOT

BAND = 0.05  # of the middle of the budget, to either side
ENOUGH = 8  # random archs to tell a correlation


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--supernets', nargs='+', required=True, metavar='NAME=DIR', help='folders of trainings'
    )
    parser.add_argument('--images', type=Path, required=True, help='unlabeled images')
    parser.add_argument('--task', choices=TASKS, default='global', help='kind of the scores')
    parser.add_argument(
        '--scores', nargs='+', required=True, metavar='NAME', help='each chooses an arch'
    )
    parser.add_argument('--teacher', choices=TEACHERS, default='training', help='of the scores')
    parser.add_argument('--stages', nargs='+', type=int, help='of dense scores; default: the last')
    parser.add_argument('--flops', type=float, required=True, help='middle of the band')
    parser.add_argument('--input-size', type=int, required=True, help='side of the images, pixels')
    parser.add_argument('--archs', type=int, default=200, help='scored (default: %(default)s)')
    parser.add_argument(
        '--num-images', type=int, default=1024, help='to search on (default: %(default)s)'
    )
    parser.add_argument('--random', type=int, default=6, help='random archs; default: %(default)s')
    parser.add_argument('--tasks', nargs='+', required=True, metavar='CONFIG', help='finetuned on')
    parser.add_argument('--cfg-options', nargs='+', default=[], help='for the configs of --tasks')
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/picks'),
        help='where everything goes (default: %(default)s)',
    )
    parser.add_argument('--json', type=Path, help='where the figures go, if elsewhere')
    # what the stages call
    parser.add_argument('--stage', nargs=2, metavar=('NAME', 'SEED'), help=argparse.SUPPRESS)
    return parser.parse_args()


def unevenness(space: SearchSpace, arch: Arch) -> float:
    """The standard deviation of an arch's choices as shares of their ranges; 0: proportional."""
    low, high = _numbers(space.min), _numbers(space.max)
    elastic = low < high
    return float(((_numbers(arch) - low)[elastic] / (high - low)[elastic]).std())


def _numbers(arch: Arch) -> np.ndarray:
    return np.concatenate([np.ravel(arch[key]) for key in sorted(arch)]).astype(float)


def choose(
    space: SearchSpace, rows: list[dict[str, Any]], scores: list[str], random: int, seed: int
) -> dict[str, Arch]:
    """The archs to compare by the names of the choices.

    Args:
        space: The search space.
        rows: The subnets of a search, with the ``terms`` of the scores, lower is better.
        scores: Their names.
        random: The number of random archs.
        seed: Draws them.
    """
    terms = np.array([np.atleast_1d(row.get('terms', row['distance'])) for row in rows])
    chosen = {name: rows[int(terms[:, i].argmin())]['arch'] for i, name in enumerate(scores)}
    archs = [row['arch'] for row in rows]
    chosen['widest'] = max(archs, key=lambda arch: arch['width'][-1])
    chosen['most_params'] = max(rows, key=lambda row: row['params'])['arch']
    chosen['proportional'] = min(archs, key=lambda arch: unevenness(space, arch))
    drawn = np.random.default_rng(seed).choice(len(archs), random, replace=False)
    return chosen | {f'random{i}': archs[index] for i, index in enumerate(drawn.tolist())}


def extract_all(args: argparse.Namespace, name: str, seed: int, training: Training) -> None:
    """Extract the archs that are compared, each once, and note who chose which."""
    folder = _folder(args, name, seed)
    config = load_config(str(training.config))
    space = build_supernet_backbone(config).space
    rows = load_result(str(folder / 'search'))['subnets']
    chosen = choose(space, rows, args.scores, args.random, seed)
    places: dict[str, str] = {}  # archs that several chose are finetuned once
    for choice, arch in chosen.items():
        place = places.setdefault(json.dumps(arch), choice)
        if place == choice and not (folder / 'subnets' / choice).is_dir():
            extract(
                config,
                str(training.checkpoint),
                choose_arch(json.dumps(arch)),
                str(folder / 'subnets' / choice),
                calibrate_on=str(args.images),
                input_size=args.input_size,
            )
    noted = {
        choice: dict(arch=arch, subnet=places[json.dumps(arch)]) for choice, arch in chosen.items()
    }
    write_json(folder / 'chosen.json', noted)


def _folder(args: argparse.Namespace, name: str, seed: int) -> Path:
    return args.work_dir / f'{name}{seed}'


def searches(args: argparse.Namespace) -> list[Stage]:
    """The search of each training, and the extraction of what is chosen."""
    stages = []
    band = (args.flops * (1 - BAND), args.flops * (1 + BAND))
    for (name, seed), (config, checkpoint) in trainings_of(args.supernets).items():
        folder = _folder(args, name, seed)
        command = [sys.executable, ROOT / 'tools/search.py', config, checkpoint]
        command += ['--images', args.images, '--task', args.task]
        command += ['--distance', *args.scores, '--teacher', args.teacher]
        command += ['--flops', *band, '--strategy', 'random', '--num', args.archs]
        command += ['--num-images', args.num_images]
        command += ['--input-size', args.input_size, '--micro-batch', 4, '--seed', seed]
        command += ['--stages', *args.stages] if args.stages else []
        command += ['--work-dir', folder / 'search', '--resume']
        stages.append(
            Stage(
                f'{name}/seed{seed}/search',
                list(map(str, command)),
                [folder / 'search' / 'search.json'],
                env=dict(OMP_NUM_THREADS='1'),
                folder=folder / 'search',
                resumes=True,
            )
        )
        stages.append(
            Stage(
                f'{name}/seed{seed}/extract',
                [sys.executable, *sys.argv, '--stage', name, str(seed)],
                [folder / 'chosen.json'],
                needs=[f'{name}/seed{seed}/search'],
                env=dict(OMP_NUM_THREADS='1'),
            )
        )
    return stages


def finetunings(args: argparse.Namespace) -> list[Stage]:
    """The benchmarks of what is extracted."""
    stages = []
    for name, seed in trainings_of(args.supernets):
        folder = _folder(args, name, seed)
        chosen = json.loads((folder / 'chosen.json').read_text())
        subnets = dict.fromkeys(about['subnet'] for about in chosen.values())
        command = [sys.executable, ROOT / 'tools/benchmarks/run.py', '--tasks', *args.tasks]
        command += ['--subnets', *(folder / 'subnets' / subnet for subnet in subnets)]
        command += ['--work-dir', folder / 'finetuned', '--resume']
        command += ['--cfg-options', f'randomness.seed={seed}', *args.cfg_options]
        stages.append(
            Stage(
                f'{name}/seed{seed}/finetune',
                list(map(str, command)),
                [folder / 'finetuned' / 'table.json'],
                needs=[f'{name}/seed{seed}/extract'],
                env=dict(OMP_NUM_THREADS='1', GAIA_SSL_SIDE=str(args.input_size)),
            )
        )
    return stages


def analyse(args: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Rows of the choices, and of the scores over the random archs, for each figure."""
    values: dict[tuple[str, str, str], dict[int, dict[str, float]]] = {}
    for name, seed in trainings_of(args.supernets):
        folder = _folder(args, name, seed)
        chosen = json.loads((folder / 'chosen.json').read_text())
        runs = json.loads((folder / 'finetuned' / 'table.json').read_text())['runs']
        figures = {(run['task'], run['arm']): run['figures'] for run in runs}
        for choice, about in chosen.items():
            for task in dict.fromkeys(run['task'] for run in runs):
                for figure, value in figures[task, about['subnet']].items():
                    found = values.setdefault((name, task, figure), {}).setdefault(seed, {})
                    found[choice] = 100 * value
    found: dict[str, list[dict[str, Any]]] = dict(rows=[], scores=[])
    for key, seeds in values.items():
        about = dict(zip(('setting', 'task', 'figure'), key))
        found['rows'] += [about | row for row in compare(seeds)]
        known = {seed: known_before(args, key[0], seed) for seed in seeds}
        found['scores'] += [about | row for row in rank(seeds, known)]
    return found


def known_before(args: argparse.Namespace, name: str, seed: int) -> dict[str, dict[str, float]]:
    """Scores and sizes, higher is better, of each choice's arch."""
    folder = _folder(args, name, seed)
    rows = load_result(str(folder / 'search'))['subnets']
    by_arch = {json.dumps(row['arch']): row for row in rows}
    chosen = json.loads((folder / 'chosen.json').read_text())
    found = {}
    for choice, about in chosen.items():
        row = by_arch[json.dumps(about['arch'])]
        terms = np.atleast_1d(row.get('terms', row['distance']))
        scores = {score: -float(term) for score, term in zip(args.scores, terms, strict=True)}
        found[choice] = scores | {size: float(value(row)) for size, value in SIZES.items()}
    return found


def rank(
    seeds: dict[int, dict[str, float]], known: dict[int, dict[str, dict[str, float]]]
) -> list[dict[str, Any]]:
    """Correlations of scores and sizes with a figure over the random archs, if there are enough."""
    names = [name for name in next(iter(seeds.values())) if name.startswith('random')]
    if len(names) < ENOUGH:
        return []
    rows = []
    for key in next(iter(known.values()))[names[0]]:
        pairs = [
            (np.array([known[s][n][key] for n in names]), np.array([found[n] for n in names]))
            for s, found in seeds.items()
        ]
        rows.append(dict(score=key, archs=len(names), **correlate(pairs, 0)._asdict()))
    return rows


def compare(seeds: dict[int, dict[str, float]]) -> list[dict[str, Any]]:
    """Each choice beside the median of the random archs of its seed.

    Args:
        seeds: The figures by seed and choice.
    """
    names = [n for n in next(iter(seeds.values())) if not n.startswith('random')]
    middles = {s: median(_random(found)) for s, found in seeds.items()}
    spread = fmean(stdev(_random(found)) for found in seeds.values())
    rows = [dict(choice='random', mean=fmean(middles.values()), spread=spread, seeds=len(seeds))]
    for name in names:
        values = [found[name] for found in seeds.values()]
        gains = [seeds[seed][name] - middles[seed] for seed in seeds]
        ranks = [fmean(value < found[name] for value in _random(found)) for found in seeds.values()]
        half = _half_interval(gains)
        rows.append(
            dict(
                choice=name,
                mean=fmean(values),
                gains=gains,
                gain=fmean(gains),
                low=fmean(gains) - half,
                high=fmean(gains) + half,
                better_than=fmean(ranks),
                seeds=len(seeds),
            )
        )
    return rows


def _random(found: dict[str, float]) -> list[float]:
    return [value for name, value in found.items() if name.startswith('random')]


def _half_interval(values: list[float]) -> float:
    """Half the width of the 95% interval of a mean, by Student's t; infinite for one value."""
    number = len(values)
    if number < 2:
        return math.inf
    return float(student.ppf(0.975, number - 1) * stdev(values) / math.sqrt(number))


def as_markdown(result: dict[str, Any]) -> str:
    """The rows as tables for each supernet and task."""
    parts = []
    for key in dict.fromkeys(_key(row) for row in result['rows']):
        rows = [row for row in result['rows'] if _key(row) == key]
        parts += [f'Supernet {key[0]}, {key[1]}, {rows[0]["seeds"]} seeds:', _choices(key[2], rows)]
        scores = [row for row in result['scores'] if _key(row) == key]
        parts += [_scores(scores)] if scores else []
    return '\n\n'.join([*parts, as_line(result)]) + '\n'


def _key(row: dict[str, Any]) -> tuple[str, str, str]:
    return row['setting'], row['task'], row['figure']


def _choices(figure: str, rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in sorted(rows, key=lambda row: -row['mean']):
        if row['choice'] == 'random':
            cells = [f'median, ± {row["spread"]:.1f} among them', '', '']
        else:
            interval = f'{row["low"]:+.1f} to {row["high"]:+.1f}' if row['seeds'] > 1 else ''
            cells = [f'{row["gain"]:+.1f}', interval, f'{100 * row["better_than"]:.0f}%']
        lines.append([row['choice'], f'{row["mean"]:.1f}', *cells])
    head = ['choice', figure, 'over random', '95% interval', 'better than so many random']
    return table(head, lines)


def _scores(rows: list[dict[str, Any]]) -> str:
    lines = [
        [row['score'], f'{row["spearman"]:+.2f} ({row["low"]:+.2f} to {row["high"]:+.2f})']
        for row in sorted(rows, key=lambda row: -row['spearman'])
    ]
    return table([f'over {rows[0]["archs"]} random archs', 'Spearman'], lines)


def main() -> None:
    args = parse_args()
    args.work_dir, args.images = args.work_dir.absolute(), args.images.absolute()
    if args.stage:
        name, seed = args.stage[0], int(args.stage[1])
        extract_all(args, name, seed, trainings_of(args.supernets)[name, seed])
        return
    with orderly_exit('picks'), lock(args.work_dir, '--work-dir'):
        Pipeline(searches(args), args.work_dir).run()
        Pipeline([*searches(args), *finetunings(args)], args.work_dir).run()
        result = dict(
            rounded(analyse(args), 2),
            archs=args.archs,
            images=args.num_images,
            machine=machine(),
            versions=versions(),
        )
        write_json(args.json or args.work_dir / 'picks.json', result)
        text = as_markdown(result)
        with atomic_write(str(args.work_dir / 'picks.md')) as file:
            file.write(text)
        print(text)


if __name__ == '__main__':
    run_cli(main)
