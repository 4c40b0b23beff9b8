"""Write the backbone of a checkpoint, e.g. of a finetuning, as an extracted folder.

The checkpoint's keys start with ``backbone.``, as in mmpretrain, mmdet and mmseg.
"""

import argparse

from gaia_ssl.export.convert import mmpretrain_to_subnet
from gaia_ssl.utils.cli import naming_options, run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='checkpoint of a model with a subnet as its backbone')
    parser.add_argument(
        '--like',
        required=True,
        metavar='DIR',
        help='extracted folder of the same arch, from which all but the weights is copied',
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='the folder to write')
    parser.add_argument('--overwrite', action='store_true', help='replace an extracted folder')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with naming_options(dict(out='--out', overwrite='--overwrite')):
        mmpretrain_to_subnet(args.checkpoint, args.like, args.out, args.overwrite)
    print(f'{args.out} written')


if __name__ == '__main__':
    run_cli(main)
