"""Train a small supernet with every method on CIFAR-10; compare it with random weights by kNN.

Usage: python tools/studies/methods_cifar10.py [--methods byol mocov2 ...] [--seeds 0 1 2]

The images are what tools/dataset_converters/cifar10.py makes. Runs ``tools/train.py`` and
``tools/test.py`` for the configs ``configs/METHOD/*_cifar10.py``, once per seed, one thread each
and as many side by side as there are cores. Writes ``WORK_DIR/methods_cifar10.{json,md}``. What
is done is not repeated: run the same command again to resume a stopped comparison.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from mmengine.config import Config

from gaia_ssl.benchmark.pipeline import Pipeline, orderly_exit
from gaia_ssl.benchmark.stages import Records, Stage, StageError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import atomic_write, write_json
from gaia_ssl.utils.lock import lock
from gaia_ssl.utils.markdown import table
from gaia_ssl.utils.paths import ROOT

TAUGHT = ('distill',)  # needs a pretrained network, see supernet_recipes.py
CONFIGS = {
    path.parent.name: path
    for path in sorted(ROOT.glob('configs/*/*_cifar10.py'))
    if path.parent.name not in TAUGHT
}
ARCHS = ('MAX', 'MIN')
BAR = 10  # points that training is to gain


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--methods', nargs='+', choices=CONFIGS, default=list(CONFIGS), help='default: all'
    )
    parser.add_argument(
        '--seeds', nargs='+', type=int, default=[0], help='of the trainings (default: 0)'
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/methods_cifar10'),
        help='where everything goes (default: %(default)s)',
    )
    parser.add_argument(
        '--data',
        type=Path,
        default=Path('data/cifar10'),
        help='CIFAR-10 as class folders (default: %(default)s)',
    )
    parser.add_argument('--json', type=Path, help='where the figures go, if elsewhere')
    return parser.parse_args()


def stages_of(method: str, seed: int, work_dir: Path, data: Path) -> list[Stage]:
    """The training of a method, and the judgement of its subnets.

    Args:
        method: Name of the folder of its config.
        seed: What the config's is replaced with.
        work_dir: Where its folders go.
        data: The folder of the images.
    """
    config, name = CONFIGS[method], f'{method}/seed{seed}'
    times = work_dir / name / 'times.json'
    env = dict(GAIA_SSL_CIFAR10=str(data), OMP_NUM_THREADS='1')
    trained, judged = work_dir / name / 'train', work_dir / name / 'test'
    checkpoint = trained / f'epoch_{Config.fromfile(config).train_cfg.max_epochs}.pth'
    timed = [sys.executable, str(Path(__file__).with_name('cpu_time.py')), str(times)]
    seeded = ['--cfg-options', f'randomness.seed={seed}']
    train = [*_tool('train', config), '--work-dir', str(trained), *seeded]
    test = [*_tool('test', config), str(checkpoint), '--archs', *ARCHS, *seeded]
    return [
        Stage(
            f'{name}/train',
            [*timed, *train],
            [checkpoint, times],
            collect=lambda: json.loads(times.read_text()),
            env=env,
            folder=trained,
        ),
        Stage(
            f'{name}/test',
            [*test, '--work-dir', str(judged)],
            [judged / 'test.json'],
            collect=lambda: top1_of(json.loads((judged / 'test.json').read_text())),
            needs=[f'{name}/train'],
            env=env,
        ),
    ]


def _tool(name: str, config: Path) -> list[str]:
    return [sys.executable, str(ROOT / f'tools/{name}.py'), str(config)]


def top1_of(test: dict[str, Any]) -> dict[str, float]:
    """The figures in what ``tools/test.py`` wrote: ``MAX``, ``MAX_random`` and so on, percent."""
    rows = {row['name']: row for row in test['subnets']}
    trained = {arch: rows[arch]['knn_top1'] for arch in ARCHS}
    return trained | {f'{arch}_random': rows[arch]['knn_top1_random'] for arch in ARCHS}


def gather(
    methods: Sequence[str], seeds: Sequence[int], work_dir: Path
) -> dict[str, dict[str, Any]]:
    """The figures of every method, all of whose stages are done.

    Returns:
        By method: its ``config``; by seed, as text, in ``seeds``, top-1 of ``MAX`` and ``MIN``,
        trained and ``_random``, in percent, and CPU and wall seconds of the training.
    """
    records, figures = Records(work_dir), {}
    for method in methods:
        by_seed = {}
        for seed in seeds:
            name = f'{method}/seed{seed}'
            seconds = records[f'{name}/train']['result']
            by_seed[str(seed)] = dict(records[f'{name}/test']['result'], seconds=seconds)
        figures[method] = dict(config=str(CONFIGS[method].relative_to(ROOT)), seeds=by_seed)
    return figures


def gains_of(figure: dict[str, Any]) -> dict[str, list[float]]:
    """The gains over random weights in points, by arch and then seed."""
    runs = figure['seeds'].values()
    return {arch: [run[arch] - run[f'{arch}_random'] for run in runs] for arch in ARCHS}


def as_markdown(result: dict[str, Any]) -> str:
    """The comparison as a table."""
    rows, short = [], []
    for method, figure in result['methods'].items():
        runs, gains = figure['seeds'].values(), gains_of(figure)
        pairs = [
            [fmean(run[f'{arch}{suffix}'] for run in runs) for arch in ARCHS]
            for suffix in ('_random', '')
        ]
        means = [fmean(gains[arch]) for arch in ARCHS]
        worst = [min(gains[arch]) for arch in ARCHS]
        rows.append(
            [
                method,
                *(' / '.join(f'{value:.1f}' for value in pair) for pair in pairs),
                *(' / '.join(f'{value:+.1f}' for value in pair) for pair in (means, worst)),
                f'{fmean(run["seconds"]["cpu"] for run in runs) / 60:.1f}',
                f'`python tools/train.py {figure["config"]}`',
            ]
        )
        if min(means) < BAR:
            short.append(method)
    seeds = list(next(iter(result['methods'].values()))['seeds'])
    paragraphs = [
        '# Every method on CIFAR-10',
        f'kNN top-1 in percent, {" / ".join(ARCHS)}, mean over seeds {", ".join(seeds)}.',
        table(['', 'random', 'trained', 'gain', 'worst seed', 'CPU minutes', 'command'], rows),
        f'Mean gain below {BAR} points: {", ".join(short) or "none"}.',
        as_line(result),
    ]
    return '\n\n'.join(paragraphs) + '\n'


def main() -> None:
    args = parse_args()
    work_dir, data = args.work_dir.absolute(), args.data.absolute()
    seeds = sorted(set(args.seeds))
    with orderly_exit('methods_cifar10'):
        for split in ('train', 'test'):
            if not (data / split).is_dir():
                raise StageError(
                    f'--data: {data / split} does not exist; '
                    'run tools/dataset_converters/cifar10.py first'
                )
        with lock(work_dir, '--work-dir'):
            runs = [(method, seed) for method in args.methods for seed in seeds]
            stages = [stage for run in runs for stage in stages_of(*run, work_dir, data)]
            Pipeline(stages, work_dir).run()
            result = dict(
                data=str(data),
                methods=gather(args.methods, seeds, work_dir),
                machine=machine(),
                versions=versions(),
            )
            text = as_markdown(result)
            write_json(args.json or work_dir / 'methods_cifar10.json', result)
            with atomic_write(str(work_dir / 'methods_cifar10.md')) as file:
                file.write(text)
            print(text)


if __name__ == '__main__':
    run_cli(main)
