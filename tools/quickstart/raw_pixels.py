"""Fit a linear classifier on raw pixels: the baseline of a linear probe."""

import argparse
from pathlib import Path

from gaia_ssl.evaluation.raw_pixels import raw_pixel_top1
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.files import write_json


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help='holds {train,val}/<class>/*.png')
    parser.add_argument('--out', type=Path, required=True, help='JSON file to write')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    result = raw_pixel_top1(args.folder)
    print(result, flush=True)
    write_json(args.out, result)


if __name__ == '__main__':
    run_cli(main)
