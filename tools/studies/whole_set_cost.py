"""Measure what scores of the whole set cost beside a mean over images, in the same run.

Usage: python tools/studies/whole_set_cost.py [--archs 100] [--size 64] [--json F]

Random archs are searched by the cosine distance, then by it and each score of the whole set.
Weights are random and images are noise: they do not matter here. Times are processor times of one
thread, medians over the rounds, in each of which all searches run one after the other.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gaia_ssl.benchmark.iterations import build_supernet
from gaia_ssl.datasets.images import ImageSet, default_pipeline
from gaia_ssl.distances import WholeSetScore
from gaia_ssl.registry import DISTANCES
from gaia_ssl.search import Search, SearchSettings
from gaia_ssl.space import Budget, get_space
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import write_json
from gaia_ssl.utils.markdown import table

BASELINE = 'cosine'
SCORES = ('rank', 'pooled_rank', 'cka', 'neighbours', 'regression', 'relation_qk')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--space', default='ar50to101', help='default: %(default)s')
    parser.add_argument('--flops', nargs=2, default=['5G', '6G'], help='at 224 px; %(default)s')
    parser.add_argument('--archs', type=int, default=100, help='default: %(default)s')
    parser.add_argument('--size', type=int, default=64, help='side of the images (%(default)s px)')
    parser.add_argument('--num-images', type=int, default=512, help='default: %(default)s')
    parser.add_argument('--scores', nargs='+', default=SCORES, help='default: %(default)s')
    parser.add_argument('--rounds', type=int, default=2, help='default: %(default)s')
    parser.add_argument('--json', type=Path, metavar='F', help='write the figures to this file')
    args = parser.parse_args()
    for name in args.scores:
        if not issubclass(DISTANCES.get(f'global_{name}') or object, WholeSetScore):
            parser.error(f'--scores: {name} is no score of the whole set')
    return args


def make_images(folder: str, number: int, size: int) -> None:
    """Write images of noise."""
    rng = np.random.default_rng(0)
    for index in range(number):
        pixels = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(Path(folder, f'{index:05d}.png'))


def measure(args: argparse.Namespace, folder: str) -> dict[str, float]:
    """The seconds of each search."""
    space = get_space(args.space)
    torch.manual_seed(0)
    model = build_supernet(space, 64).eval()
    images = ImageSet(folder, default_pipeline(args.size))
    low, high = Budget.parse(dict(flops=args.flops)).intervals['flops']
    scale = (args.size / 224) ** 2
    times: dict[str, list[float]] = {name: [] for name in (BASELINE, *args.scores)}
    for _ in range(args.rounds):
        for name, found in times.items():
            settings = SearchSettings(
                task='global',
                distance=dict.fromkeys((BASELINE, name), 1.0),
                budget=Budget.parse(dict(flops=(low * scale, high * scale))),
                strategy=dict(type='random', num=args.archs),
                input_size=args.size,
            )
            job = Search(model, images, settings)
            with tempfile.TemporaryDirectory() as out:
                start = time.process_time()
                job.run(out)
                found.append(time.process_time() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        make_images(folder, args.num_images, args.size)
        seconds = measure(args, folder)
    rows = [
        dict(score=name, seconds=round(spent, 2), ratio=round(spent / seconds[BASELINE], 3))
        for name, spent in seconds.items()
    ]
    settings = {k: v for k, v in vars(args).items() if k != 'json'}
    result = dict(rows=rows, settings=settings, machine=machine(), versions=versions())
    lines = [[row['score'], f'{row["seconds"]:.1f}', f'{row["ratio"]:.3f}'] for row in rows]
    print(table(['cosine and', 's', 'to cosine alone'], lines))
    print('\n' + as_line(result))
    if args.json:
        write_json(args.json, result)


if __name__ == '__main__':
    run_cli(main)
