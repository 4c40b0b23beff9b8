"""Draw detections or segmentations of a trained model on validation images, beside the truth."""

import argparse
from pathlib import Path

from gaia_ssl.utils.cli import run_cli
from gaia_ssl.visualization.predictions import DRAWINGS, draw_predictions


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('task', choices=DRAWINGS)
    parser.add_argument('config', type=Path, help="the training's config")
    parser.add_argument('work_dir', type=Path, help="the training's folder")
    parser.add_argument('--out', type=Path, required=True, help='PNG to write')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    draw_predictions(args.task, args.config, args.work_dir, args.out)


if __name__ == '__main__':
    run_cli(main)
