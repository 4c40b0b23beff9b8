"""Copy an extracted folder, with random weights in place of the trained ones."""

import argparse
from pathlib import Path

from gaia_ssl.benchmark.quickstart.random_subnet import write_random_subnet
from gaia_ssl.utils.cli import run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('subnet', type=Path, help='folder of tools/extract.py --calibrate')
    parser.add_argument('--seed', type=int, default=0, help='seed of the weights')
    parser.add_argument('--out', type=Path, required=True, help='folder to write')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    write_random_subnet(args.subnet, args.seed, args.out)


if __name__ == '__main__':
    run_cli(main)
