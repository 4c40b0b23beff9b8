"""Extract a subnet from a trained supernet: a checkpoint and configs that finetune it."""

import argparse
import sys

from mmengine.config import DictAction

from gaia_ssl.export import choose_arch, choose_from_search, extract
from gaia_ssl.utils.cli import load_config, run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='pretraining config')
    parser.add_argument('checkpoint', help='checkpoint of that pretraining')
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument('--arch', help='an anchor (R50, MAX, ...), JSON, or a JSON file')
    which.add_argument(
        '--from', dest='search', metavar='D/search.json', help='take the arch from a search'
    )
    parser.add_argument('--rank', type=int, help='its rank in the search; default: 1, the best')
    parser.add_argument('--out', required=True, metavar='DIR', help='the folder to write')
    parser.add_argument('--overwrite', action='store_true', help='replace an extracted folder')
    parser.add_argument(
        '--calibrate',
        metavar='DIR',
        help='measure batch-norm statistics on the images below this folder; labels are not needed',
    )
    parser.add_argument(
        '--calibrate-num', type=int, default=2048, metavar='N', help='images to use; default: 2048'
    )
    parser.add_argument(
        '--input-size',
        type=int,
        metavar='S',
        help="side of the images in pixels; default: the search's, the config's, or 224",
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override settings of the config: key=value',
    )
    args = parser.parse_args()
    if args.rank is not None and not args.search:
        parser.error('--rank needs --from')
    return args


def main() -> None:
    args = parse_args()
    config = load_config(args.config, args.cfg_options)
    if args.search:
        choice = choose_from_search(args.search, 1 if args.rank is None else args.rank)
    else:
        choice = choose_arch(args.arch)
    meta = extract(
        config,
        args.checkpoint,
        choice,
        args.out,
        calibrate_on=args.calibrate,
        calibrate_num=args.calibrate_num,
        input_size=args.input_size,
        overwrite=args.overwrite,
    )
    for warning in warnings_about(meta):
        print(f'warning: {warning}', file=sys.stderr)
    print(
        f'{args.out}: {meta["flops"] / 1e9:.3g} G multiply-adds at {meta["input_size"]} px, '
        f'{meta["params"] / 1e6:.3g} M parameters, {meta["arch"]}'
    )


def warnings_about(meta: dict) -> list[str]:
    """What a user should know about an extracted subnet."""
    warnings = []
    if not meta['calibration']:
        warnings.append(
            "batch-norm statistics are the supernet's and belong to no subnet; frozen features "
            'need --calibrate DIR'
        )
    searched = (meta['search'] or {}).get('checkpoint_sha256')
    if searched and searched != meta['source']['checkpoint_sha256']:
        warnings.append('the search was made with another checkpoint')
    return warnings


if __name__ == '__main__':
    run_cli(main)
