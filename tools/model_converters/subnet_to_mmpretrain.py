"""Write an extracted subnet as mmpretrain lays out a model: its keys start with ``backbone.``."""

import argparse

from gaia_ssl.export.convert import subnet_to_mmpretrain
from gaia_ssl.utils.cli import run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('subnet', help='folder of tools/extract.py')
    parser.add_argument('out', metavar='OUT.pth', help='the checkpoint to write')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    subnet_to_mmpretrain(args.subnet, args.out)
    print(f'{args.out} written')


if __name__ == '__main__':
    run_cli(main)
