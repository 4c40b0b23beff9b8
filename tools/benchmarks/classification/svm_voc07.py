"""Linear SVMs on an extracted subnet's frozen features: VOC07 classification, full and low-shot.

Usage: python tools/benchmarks/classification/svm_voc07.py work_dirs/subnet [--low-shot]

The protocol of Goyal et al. (ICCV 2019): an SVM per class on VOC2007 trainval, its cost chosen by
3-fold cross-validation, mAP on test. --low-shot trains on k images of each class, drawn five times.
Extract the subnet with --calibrate: its batch norms keep the statistics that the folder has.
scikit-learn is needed (requirements/optional.txt).
"""

import argparse
import os
import os.path as osp
from typing import Any

import torch

from gaia_ssl.apis import load_subnet, pretraining_config
from gaia_ssl.datasets.images import default_pipeline
from gaia_ssl.datasets.voc import load_voc
from gaia_ssl.evaluation import LinearSVMs, PooledFeatures
from gaia_ssl.evaluation.svm import COSTS, SHOTS, require_sklearn
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.files import write_json

SPLITS = ('trainval', 'test')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('subnet', help='folder that tools/extract.py wrote')
    parser.add_argument(
        '--data',
        default='data/VOCdevkit/VOC2007',
        metavar='DIR',
        help='holds JPEGImages and ImageSets/Main; default: data/VOCdevkit/VOC2007',
    )
    parser.add_argument('--low-shot', action='store_true', help='also train on few images')
    parser.add_argument(
        '--shots',
        type=int,
        nargs='+',
        default=SHOTS,
        metavar='K',
        help='images of each class then; default: 1 2 4 8 16 32 64 96',
    )
    parser.add_argument('--runs', type=int, default=5, help='how often they are drawn; default: 5')
    parser.add_argument('--seed', type=int, default=0, help='of the draws; default: 0')
    parser.add_argument(
        '--costs', type=float, nargs='+', default=COSTS, metavar='C', help="default: the paper's 26"
    )
    parser.add_argument(
        '--input-size', type=int, default=224, help='side of the images in pixels; default: 224'
    )
    parser.add_argument(
        '--cells',
        type=int,
        default=2,
        help='windows along each side of the last map that are averaged; default: 2',
    )
    parser.add_argument(
        '--num-workers', type=int, default=2, help='processes that decode images; default: 2'
    )
    parser.add_argument(
        '--jobs', type=int, default=os.cpu_count(), help='processes that train; default: all cores'
    )
    parser.add_argument('--work-dir', help='where svm_voc07.json goes; default: SUBNET_svm_voc07')
    return parser.parse_args()


def judge(args: argparse.Namespace, work_dir: str) -> dict[str, Any]:
    """The content of ``svm_voc07.json``, which is to go into a folder that can be written."""
    require_sklearn()
    pipeline = default_pipeline(args.input_size)
    splits = [load_voc(args.data, split, pipeline) for split in SPLITS]
    if splits[0].classes != splits[1].classes:
        raise UserError(f'data: {args.data} has other classes in {SPLITS[0]} than in {SPLITS[1]}')
    pooled = PooledFeatures(pretraining_config(args.subnet), args.num_workers, args.cells)
    nets = dict(subnet=load_subnet(args.subnet, 'cuda' if torch.cuda.is_available() else 'cpu'))
    os.makedirs(work_dir, exist_ok=True)
    tables = []
    for split in splits:
        tables += [pooled(nets, split.images)['subnet'].numpy(), split.labels]
    svms = LinearSVMs(*tables, costs=args.costs, jobs=args.jobs)
    result = dict(
        meta=dict(
            subnet=args.subnet,
            data=args.data,
            images={name: len(split.images) for name, split in zip(SPLITS, splits)},
            classes=splits[0].classes,
            input_size=args.input_size,
            cells=args.cells,
            features=tables[0].shape[1],
            seed=args.seed,
        ),
        full=svms.full(),
    )
    print(f'mAP: {result["full"]["map"]:.2f}', flush=True)
    if args.low_shot:
        result['low_shot'] = {}
        for k in args.shots:
            found = result['low_shot'][k] = svms.few(k, args.runs, args.seed)
            print(f'mAP of {k} a class: {found["map"]:.2f} +- {found["std"]:.2f}', flush=True)
    return result


def main() -> None:
    args = parse_args()
    work_dir = args.work_dir or f'{osp.normpath(args.subnet)}_svm_voc07'
    result = judge(args, work_dir)
    path = osp.join(work_dir, 'svm_voc07.json')
    write_json(path, result)
    print(f'results in {path}')


if __name__ == '__main__':
    run_cli(main)
