"""Gain of calibrated batch-norm statistics, by kNN top-1 of random subnets.

Usage: python tools/studies/calibration_study.py CONFIG CHECKPOINT --train DIR --val DIR

A supernet's running statistics mix those of all subnets that it trained. Random subnets are
extracted and judged as tools/test.py does, once with these (raw) and once with their own
(calibrated), measured without labels as tools/extract.py --calibrate does: on the views that
CONFIG trains on, or on the images of a folder.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaia_ssl.evaluation import FolderProbes
from gaia_ssl.export.calibrate import CalibrationImages, average_statistics
from gaia_ssl.models.supernet import load_supernet_backbone
from gaia_ssl.space import Arch, SearchSpace, count_cost
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import load_config, run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import file_digest, write_json
from gaia_ssl.utils.markdown import short_arch, table

BAR = 1.0  # points that calibration may cost a subnet, at most


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='training config of the supernet')
    parser.add_argument('checkpoint', help='checkpoint of that training')
    parser.add_argument(
        '--train',
        required=True,
        metavar='DIR',
        help='images whose labels are known, one folder inside per class',
    )
    parser.add_argument(
        '--val',
        required=True,
        metavar='DIR',
        help='images to classify, one folder inside per class',
    )
    parser.add_argument(
        '--calibrate',
        metavar='DIR',
        help='images to calibrate on (default: the views that the config trains on)',
    )
    parser.add_argument('--num', type=int, default=10, help='archs (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='of the archs (default: %(default)s)')
    parser.add_argument(
        '--input-size', type=int, help="side of the images in pixels; default: the config's or 224"
    )
    parser.add_argument('--json', type=Path, help='where the figures go')
    return parser.parse_args()


def draw_archs(space: SearchSpace, num: int, seed: int) -> list[Arch]:
    """Different archs of a space, each equally likely, in its order.

    Raises:
        UserError: If it has fewer.
    """
    if not 1 <= num <= len(space):
        raise UserError(f'--num: {num} is not in 1..{len(space)}, the archs of {space.name!r}')
    chosen = np.random.default_rng(seed).choice(len(space), num, replace=False)
    return [space[int(index)] for index in sorted(chosen)]


def study(args: argparse.Namespace) -> dict[str, Any]:
    """Every figure."""
    config = load_config(args.config)
    supernet = load_supernet_backbone(config, args.checkpoint)
    archs = draw_archs(supernet.space, args.num, args.seed)
    probes = FolderProbes(config, args.train, args.val, args.input_size, calibration=0)
    images = CalibrationImages(config, args.calibrate, probes.input_size)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    nets = {index: supernet.extract(arch).to(device) for index, arch in enumerate(archs)}
    raw = probes(nets)
    batches = [batch.to(device) for batch in images]  # decoded once for all
    for net in nets.values():
        average_statistics(net, batches)
    calibrated = probes(nets)
    rows = []
    for index, arch in enumerate(archs):
        cost = count_cost(supernet.space, arch, probes.input_size)
        top1 = dict(raw=raw[index].knn, calibrated=calibrated[index].knn)
        rows.append(dict(arch=arch, flops=cost.flops, params=cost.params, **top1))
    return dict(
        config=args.config,
        checkpoint=args.checkpoint,
        checkpoint_sha256=file_digest(args.checkpoint),
        knn=probes.describe(),
        calibration=images.describe(),
        seed=args.seed,
        worst_gain=min(row['calibrated'] - row['raw'] for row in rows),
        subnets=sorted(rows, key=lambda row: row['flops']),
        machine=machine(),
        versions=versions(),
    )


def as_markdown(result: dict[str, Any]) -> str:
    """The figures as a table, the smallest subnet first."""
    subnets, knn = result['subnets'], result['knn']
    rows = [
        [
            short_arch(row['arch']),
            f'{row["flops"] / 1e6:.1f}',
            f'{row["raw"]:.2f}',
            f'{row["calibrated"]:.2f}',
            f'{row["calibrated"] - row["raw"]:+.2f}',
        ]
        for row in subnets
    ]
    mean_raw, mean = (np.mean([row[k] for row in subnets]) for k in ('raw', 'calibrated'))
    rows.append(['mean', '', f'{mean_raw:.2f}', f'{mean:.2f}', f'{mean - mean_raw:+.2f}'])
    paragraphs = [
        f'kNN top-1 in percent at {knn["input_size"]} px: {knn["train_images"]} images of '
        f'{len(knn["classes"])} classes to compare with, {result["calibration"]["images"]} images '
        f'to calibrate on, {knn["val_images"]} to classify.',
        table(['stem width / widths / depths', 'MFLOPs', 'raw', 'calibrated', 'gain'], rows),
        as_line(result),
    ]
    return '\n\n'.join(paragraphs)


def main() -> None:
    args = parse_args()
    result = study(args)
    if args.json:
        write_json(args.json, result)
    print(as_markdown(result))
    if result['worst_gain'] < -BAR:
        sys.exit(f'calibration costs a subnet {-result["worst_gain"]:.2f} points, more than {BAR}')


if __name__ == '__main__':
    run_cli(main)
