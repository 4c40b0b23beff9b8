"""Races against the search of all archs on all images: what they save and what they lose.

Usage: python tools/studies/race.py --supernets NAME=DIR ... --images DIR [--json FILE]

``DIR`` of a supernet is a training, as ``seed0`` of tools/studies/supernet_recipes.py. Every arch
within ``--flops`` is scored by a distance on twice ``--num-images`` images. On the first half races
are replayed in many orders of the images: how often the ten best are left (recall), what share of
multiply-adds that takes, and how much farther from the teacher than the best the race's pick is on
the other half, in standard deviations of the archs' distances (regret). One race per mode is also
run, for the ratio of processor times. What is done is not repeated; ``--json`` keeps the rows of
other supernets and distances.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from gaia_ssl.benchmark.pipeline import orderly_exit
from gaia_ssl.benchmark.trainings import Training
from gaia_ssl.search import Search, SearchSettings
from gaia_ssl.search.racing import MODES, Race, TreeCosts, rungs_of
from gaia_ssl.search.settings import TEACHERS
from gaia_ssl.search.tree import build_tree
from gaia_ssl.space import Budget
from gaia_ssl.utils.cli import load_config, run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import atomic_write, write_json
from gaia_ssl.utils.lock import lock
from gaia_ssl.utils.markdown import table

TOP = 10


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--supernets', nargs='+', required=True, metavar='NAME=DIR', help='trainings'
    )
    parser.add_argument('--images', type=Path, required=True, help='unlabeled images')
    parser.add_argument('--flops', nargs=2, default=['4M', '6M'], help='budget (default: 4M to 6M)')
    parser.add_argument('--distance', default='cosine', help='default: %(default)s')
    parser.add_argument(
        '--teacher', choices=TEACHERS, default='training', help='default: %(default)s'
    )
    parser.add_argument(
        '--num-images', type=int, default=1024, help='of a race (default: %(default)s)'
    )
    parser.add_argument(
        '--orders', type=int, default=200, help='replayed orders (default: %(default)s)'
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/race'),
        help='where everything goes (default: %(default)s)',
    )
    parser.add_argument('--json', type=Path, help='where the figures go, if elsewhere')
    return parser.parse_args()


def search_of(args: argparse.Namespace, run: Path, images: int, race: dict[str, Any]) -> Search:
    """A search of all archs of a training."""
    training = Training.of(run)
    settings = SearchSettings(
        task='global',
        distance=args.distance,
        teacher=args.teacher,
        budget=Budget.parse(dict(flops=tuple(args.flops))),
        strategy=dict(type='exhaustive'),
        num_images=images,
        input_size=32,
        race=race,
    )
    config = load_config(str(training.config))
    return Search.from_files(config, str(training.checkpoint), str(args.images), settings)


def measure(args: argparse.Namespace, name: str, run: Path) -> Path:
    """Write the distances of all archs on each image, and the times of races, once."""
    name = f'{name}_{args.distance}_{args.teacher}'
    out = args.work_dir / f'{name}.npz'
    if out.is_file():
        return out
    # a race that looks for more archs than there are drops none
    everything = search_of(args, run, 2 * args.num_images, dict(mode='sure', top=10**9))
    values = _distances(everything, args.work_dir / f'{name}_all')
    times = {}
    whole = search_of(args, run, args.num_images, dict(mode='sure', top=10**9))
    for mode, job in (
        ('all', whole),
        *((m, search_of(args, run, args.num_images, dict(mode=m, top=TOP))) for m in MODES),
    ):
        start = time.process_time()
        folder = args.work_dir / f'{name}_{mode}'
        result = job.run(str(folder / str(time.time_ns())))
        times[mode] = time.process_time() - start
        times[f'{mode}_share'] = result['meta']['race_result']['share']
    archs = [candidate.arch for candidate in everything.candidates.feasible]
    with atomic_write(str(out), 'wb') as file:
        np.savez(file, values=values, archs=json.dumps(archs), times=json.dumps(times))
    return out


def _distances(job: Search, folder: Path) -> np.ndarray:
    """The distances of all candidates on each image, in the order of the images."""
    kept: list[np.ndarray] = []
    read = job.scoring.read  # the steps' readings, which a search reduces to means

    def keep(*args):
        kept.append(read(*args))
        return kept[-1]

    job.scoring.read = keep
    job.run(str(folder), resume=True)
    number = len(job.candidates.feasible)
    # (archs, images, terms) -> (archs, images)
    joined = np.concatenate(kept, 1)[:number, :, 0]
    order = [
        image
        for groups in rungs_of(job.images.sizes(), job.settings.seed, 'sure')
        for group in groups
        for image in job.images.groups[group]
    ]
    found = np.empty_like(joined)
    found[:, order] = joined
    return found


def replay(
    race: Race, distances: np.ndarray, sizes: list[int], costs: TreeCosts, seed: int
) -> tuple[np.ndarray, float]:
    """A race on known distances.

    Returns:
        The archs that are left, best first, and the share of multiply-adds that it took.
    """
    bounds = np.cumsum([0, *sizes])
    number, total = distances.shape
    alive, seen, spent = np.arange(number), [], 0.0
    rungs = rungs_of(sizes, seed, race.mode)
    for index, groups in enumerate(rungs):
        new = [i for group in groups for i in range(bounds[group], bounds[group + 1])]
        seen += new
        part = costs.part(alive)
        spent += part.total * len(new)
        if index + 1 < len(rungs):
            values = distances[np.ix_(alive, seen)]
            decisions = number * (len(rungs) - 1)
            alive = alive[race.survivors(values, part, total, decisions)]
    ranked = alive[np.argsort(distances[alive].mean(1), kind='stable')]
    return ranked, spent / (costs.total * total)


def rows_of(args: argparse.Namespace, name: str, run: Path) -> list[dict[str, Any]]:
    """A row for each mode."""
    with np.load(measure(args, name, run)) as file:
        values, archs = file['values'], json.loads(str(file['archs']))
        times = json.loads(str(file['times']))
    space = search_of(args, run, 4, dict(mode='fast')).candidates.space
    stage = len(space.path(space.max).stages) - 1
    tree = build_tree(space.family, map(space.path, archs), (stage,), (32, 32))
    costs = TreeCosts(tree, len(archs))
    own, other = np.split(values, [args.num_images], axis=1)
    best, elsewhere = np.argsort(own.mean(1), kind='stable'), other.mean(1)
    sizes = [64] * (args.num_images // 64)
    rows = []
    for mode in MODES:
        recalls, shares, regrets = [], [], []
        for seed in range(args.orders):
            ranked, share = replay(Race(mode, TOP), own, sizes, costs, seed)
            recalls.append(len(set(ranked) & set(best[:TOP])) / TOP)
            shares.append(share)
            regrets.append(elsewhere[ranked[0]] - elsewhere[best[0]])
        rows.append(
            dict(
                space=space.name,
                archs=len(archs),
                images=args.num_images,
                weights=name,
                distance=args.distance,
                teacher=args.teacher,
                mode=mode,
                speedup=round(1 / fmean(shares), 2),
                recall=round(fmean(recalls), 4),
                complete=round(fmean(recall == 1 for recall in recalls), 4),
                cpu_speedup=round(times['all'] / times[mode], 2),
                run_speedup=round(1 / times[f'{mode}_share'], 2),
                regret_other=round(float(fmean(regrets) / elsewhere.std()), 4),
            )
        )
    return rows


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return row['weights'], row['distance'], row['teacher'], row['mode']


def as_markdown(result: dict[str, Any]) -> str:
    """The races as a table."""
    lines = [
        [
            row['weights'],
            f'{row["distance"]}{" to MAX" if row["teacher"] == "max" else ""}',
            row['mode'],
            f'{row["archs"]:,}',
            f'{row["speedup"]:.1f}',
            f'{row["recall"]:.3f}',
            f'{row["complete"]:.2f}',
            f'{row["regret_other"]:+.2f}',
            f'{row["run_speedup"]:.1f}',
            f'{row["cpu_speedup"]:.1f}',
        ]
        for row in result['rows']
    ]
    head = ['supernet', 'distance', 'race', 'archs', 'multiply-adds: all / race', 'recall']
    head += ['all of the best', 'regret', 'one run: multiply-adds', 'processor time']
    return '\n\n'.join([table(head, lines), as_line(result)]) + '\n'


def main() -> None:
    args = parse_args()
    args.work_dir = args.work_dir.absolute()
    with orderly_exit('race'), lock(args.work_dir, '--work-dir'):
        rows = []
        for word in args.supernets:
            name, _, folder = word.partition('=')
            rows += rows_of(args, name, Path(folder))
        target = args.json or args.work_dir / 'race.json'
        before = json.loads(target.read_text())['rows'] if target.is_file() else []
        rows = [*{_key(row): row for row in (*before, *rows)}.values()]
        result = dict(rows=rows, orders=args.orders, machine=machine(), versions=versions())
        write_json(target, result)
        text = as_markdown(result)
        with atomic_write(str(args.work_dir / 'race.md')) as file:
            file.write(text)
        print(text)


if __name__ == '__main__':
    run_cli(main)
