"""Train a small supernet with every method on CIFAR-10; compare it with random weights by kNN.

Usage: python tools/benchmarks/methods_cifar10.py [--methods byol mocov2 ...] [--data DIR]

``DIR`` is what tools/dataset_converters/cifar10.py makes. Runs ``tools/train.py`` and
``tools/test.py`` for the configs ``configs/METHOD/*_cifar10.py``, one thread each and as many side
by side as there are cores. Writes ``WORK_DIR/methods_cifar10.{json,md}``. What is done is not
repeated: run the same command again to go on with a stopped comparison.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'quickstart'))

from environment import as_line, machine, versions  # noqa: E402
from mmengine.config import Config  # noqa: E402
from pipeline import Pipeline, orderly_exit  # noqa: E402
from report import table  # noqa: E402
from stages import Records, Stage, StageError, lock, write_json  # noqa: E402

from gaia_ssl.utils.files import atomic_write  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = {path.parent.name: path for path in sorted(ROOT.glob('configs/*/*_cifar10.py'))}
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


def stages_of(method: str, work_dir: Path, data: Path) -> list[Stage]:
    """The training of a method, and the judgement of its subnets.

    Args:
        method: Name of the folder of its config.
        work_dir: Where its folders go.
        data: The folder of the images.
    """
    config, times = CONFIGS[method], work_dir / method / 'times.json'
    env = dict(GAIA_SSL_CIFAR10=str(data), OMP_NUM_THREADS='1')
    trained, judged = work_dir / method / 'train', work_dir / method / 'test'
    checkpoint = trained / f'epoch_{Config.fromfile(config).train_cfg.max_epochs}.pth'
    timed = [sys.executable, str(Path(__file__).with_name('cpu_time.py')), str(times)]
    train = [*_tool('train', config), '--work-dir', str(trained)]
    test = [*_tool('test', config), str(checkpoint), '--archs', *ARCHS, '--random']
    return [
        Stage(
            f'{method}/train',
            [*timed, *train],
            [checkpoint, times],
            collect=lambda: json.loads(times.read_text()),
            env=env,
            folder=trained,
        ),
        Stage(
            f'{method}/test',
            [*test, '--work-dir', str(judged)],
            [judged / 'test.json'],
            collect=lambda: top1_of(json.loads((judged / 'test.json').read_text())),
            needs=[f'{method}/train'],
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


def gather(methods: Sequence[str], work_dir: Path) -> dict[str, dict[str, Any]]:
    """The figures of every method, all of whose stages are done.

    Returns:
        By method: top-1 of ``MAX`` and ``MIN``, trained and ``_random``, in percent; the smaller
        ``gain`` of the two in points; CPU and wall seconds of the training; its config.
    """
    records, figures = Records(work_dir), {}
    for method in methods:
        top1 = records[f'{method}/test']['result']
        figures[method] = dict(
            top1,
            gain=min(top1[arch] - top1[f'{arch}_random'] for arch in ARCHS),
            seconds=records[f'{method}/train']['result'],
            config=str(CONFIGS[method].relative_to(ROOT)),
        )
    return figures


def as_markdown(result: dict[str, Any]) -> str:
    """The comparison as a table."""
    rows = []
    for method, figure in result['methods'].items():
        pairs = [(figure[f'{arch}_random'], figure[arch]) for arch in ARCHS]
        random, trained = zip(*pairs, strict=True)
        gains = [after - before for before, after in pairs]
        rows.append(
            [
                method,
                *(' / '.join(f'{value:.1f}' for value in pair) for pair in (random, trained)),
                ' / '.join(f'{gain:+.1f}' for gain in gains),
                f'{figure["seconds"]["cpu"] / 60:.1f}',
                f'`python tools/train.py {figure["config"]}`',
            ]
        )
    short = [m for m, figure in result['methods'].items() if figure['gain'] < BAR]
    paragraphs = [
        '# Every method on CIFAR-10',
        f'kNN top-1 in percent, {" / ".join(ARCHS)}.',
        table(['', 'random', 'trained', 'gain', 'CPU minutes', 'command'], rows),
        f'Gain below {BAR} points: {", ".join(short) or "none"}.',
        as_line(result),
    ]
    return '\n\n'.join(paragraphs) + '\n'


def main() -> None:
    args = parse_args()
    work_dir, data = args.work_dir.absolute(), args.data.absolute()
    with orderly_exit('methods_cifar10'):
        for split in ('train', 'test'):
            if not (data / split).is_dir():
                raise StageError(
                    f'--data: {data / split} does not exist; '
                    'run tools/dataset_converters/cifar10.py first'
                )
        work_dir.mkdir(parents=True, exist_ok=True)
        with lock(work_dir):
            stages = [s for method in args.methods for s in stages_of(method, work_dir, data)]
            Pipeline(stages, work_dir).run()
            result = dict(
                data=str(data),
                methods=gather(args.methods, work_dir),
                machine=machine(),
                versions=versions(),
            )
            text = as_markdown(result)
            write_json(args.json or work_dir / 'methods_cifar10.json', result)
            with atomic_write(str(work_dir / 'methods_cifar10.md')) as file:
                file.write(text)
            print(text)


if __name__ == '__main__':
    main()
