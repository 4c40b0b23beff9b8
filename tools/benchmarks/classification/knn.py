"""Top-1 of an extracted subnet's frozen features on labeled folders, by kNN and a linear probe.

Usage: python tools/benchmarks/classification/knn.py work_dirs/subnet --train DIR --val DIR

The vote is weighted (Wu et al., CVPR 2018). Batch norms keep the statistics that the folder has;
--calibrate measures them on the training images, as tools/test.py does.
"""

import argparse
import os
import os.path as osp

import torch

from gaia_ssl.apis import load_subnet, pretraining_config
from gaia_ssl.evaluation import FolderProbes
from gaia_ssl.export.calibrate import CALIBRATION_IMAGES
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.files import write_json


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('subnet', help='folder that tools/extract.py wrote')
    for name, what in dict(train='whose labels are known', val='to classify').items():
        parser.add_argument(
            f'--{name}',
            required=True,
            metavar='DIR',
            help=f'images {what}, one folder inside per class',
        )
    parser.add_argument('-k', type=int, default=20, help='neighbours that vote; default: 20')
    parser.add_argument(
        '--temperature', type=float, default=0.07, help='of the votes; default: 0.07'
    )
    parser.add_argument(
        '--input-size',
        type=int,
        help="side of the images in pixels; default: the extraction's",
    )
    parser.add_argument(
        '--calibrate',
        action='store_true',
        help=f'measure batch-norm statistics on {CALIBRATION_IMAGES} of the training images',
    )
    parser.add_argument(
        '--num-workers', type=int, default=2, help='processes that decode images; default: 2'
    )
    parser.add_argument('--work-dir', help='where knn.json goes; default: SUBNET_knn')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    probes = FolderProbes(
        pretraining_config(args.subnet),
        args.train,
        args.val,
        args.input_size,
        k=args.k,
        temperature=args.temperature,
        num_workers=args.num_workers,
        calibration=CALIBRATION_IMAGES if args.calibrate else 0,
    )
    net = load_subnet(args.subnet, 'cuda' if torch.cuda.is_available() else 'cpu')
    work_dir = args.work_dir or f'{osp.normpath(args.subnet)}_knn'
    os.makedirs(work_dir, exist_ok=True)
    top1 = probes(dict(subnet=net))['subnet']
    scores = {f'{kind}_top1': round(value, 4) for kind, value in top1._asdict().items()}
    result = dict(meta=dict(subnet=args.subnet, **probes.describe()), **scores)
    path = osp.join(work_dir, 'knn.json')
    # what cannot be written is not lost
    print(
        f'kNN top-1: {top1.knn:.2f} %, linear probe: {top1.linear:.2f} %, always the largest '
        f'class: {probes.majority:.2f} %, in {path}',
        flush=True,
    )
    write_json(path, result)


if __name__ == '__main__':
    run_cli(main)
