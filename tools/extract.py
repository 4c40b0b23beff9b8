"""Extract subnets from a trained supernet: checkpoints and configs that finetune them."""

import argparse
import sys

from gaia_ssl.export import (
    FORMATS,
    Choice,
    choose_arch,
    choose_from_search,
    choose_pareto,
    choose_top,
    extract,
    extract_all,
)
from gaia_ssl.export.calibrate import CALIBRATION_IMAGES
from gaia_ssl.space.units import cost_text
from gaia_ssl.utils.cli import (
    add_cfg_options,
    add_weights,
    load_config,
    naming_options,
    run_cli,
)

# the options by the fields that the package names in errors
OPTIONS = dict(
    arch='--arch',
    calibrate_num='--calibrate-num',
    calibrate_on='--calibrate',
    costs='--pareto',
    formats='--export',
    input_size='--input-size',
    num='--top',
    out='--out',
    overwrite='--overwrite',
    pooled='--export-pooled',
    rank='--rank',
    weights='--weights',
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='pretraining config')
    parser.add_argument('checkpoint', help='checkpoint of that pretraining')
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument('--arch', help='an anchor (R50, MAX, ...), JSON, or a JSON file')
    which.add_argument(
        '--anchors', action='store_true', help='every anchor of the space, each in DIR/NAME'
    )
    which.add_argument(
        '--from', dest='search', metavar='D/search.json', help='take archs from a search'
    )
    of_search = parser.add_mutually_exclusive_group()
    of_search.add_argument(
        '--rank', type=int, help='the arch of this rank in the search; default: 1, the best'
    )
    of_search.add_argument(
        '--top', type=int, metavar='K', help='the K best archs, each in DIR/rankN'
    )
    of_search.add_argument(
        '--pareto',
        nargs='+',
        metavar='COST',
        help='the Pareto front of distance and these costs (flops, params, latency, ...), each in '
        'DIR/rankN',
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='the folder to write')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace extracted folders; without it, several keep the complete ones',
    )
    parser.add_argument(
        '--calibrate',
        nargs='?',
        const=True,
        metavar='DIR',
        help='measure batch-norm statistics on the images below this folder, labels are not '
        'needed; without DIR, on the views that the config trains on',
    )
    parser.add_argument(
        '--calibrate-num',
        type=int,
        default=CALIBRATION_IMAGES,
        metavar='N',
        help=f'images to use; default: {CALIBRATION_IMAGES}',
    )
    parser.add_argument(
        '--export',
        nargs='+',
        choices=FORMATS,
        default=[],
        metavar='FORMAT',
        help='also write files for other runtimes, which take 8-bit images: ' + ', '.join(FORMATS),
    )
    parser.add_argument(
        '--export-pooled',
        action='store_true',
        help='let these files return the last stage averaged over positions, not a map per stage',
    )
    parser.add_argument(
        '--input-size',
        type=int,
        metavar='S',
        help="side of the images in pixels; default: the search's, the config's, or 224",
    )
    add_weights(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    for option in ('rank', 'top', 'pareto'):
        if getattr(args, option) is not None and not args.search:
            parser.error(f'--{option} needs --from')
    return args


def choose_several(args: argparse.Namespace) -> dict[str, Choice] | None:
    """The archs that the command line asks for by name; None for all anchors."""
    if args.anchors:
        return None
    if args.top is not None:
        return choose_top(args.search, args.top)
    return choose_pareto(args.search, args.pareto)


def choose_one(args: argparse.Namespace) -> Choice:
    """The arch that the command line asks for."""
    if args.search:
        return choose_from_search(args.search, 1 if args.rank is None else args.rank)
    return choose_arch(args.arch)


def run(args: argparse.Namespace) -> None:
    """Extract what the command line asks for, and show it."""
    config = load_config(args.config, args.cfg_options)
    options = dict(
        out=args.out,
        calibrate_on=args.calibrate,
        calibrate_num=args.calibrate_num,
        input_size=args.input_size,
        overwrite=args.overwrite,
        formats=args.export,
        pooled=args.export_pooled,
        weights=args.weights,
    )
    if args.anchors or args.top is not None or args.pareto:
        subnets = extract_all(config, args.checkpoint, choose_several(args), **options)
    else:
        meta = extract(config, args.checkpoint, choose_one(args), **options)
        subnets = [(args.out, meta, False)]
    warnings = set()
    for folder, meta, kept in subnets:
        print(
            f'{folder}: {"kept, " if kept else ""}{cost_text("flops", meta["flops"])} at '
            f'{meta["input_size"]} px, {cost_text("params", meta["params"])}, {meta["arch"]}'
        )
        warnings.update(warnings_about(meta))
    for warning in sorted(warnings):
        print(f'warning: {warning}', file=sys.stderr)


def warnings_about(meta: dict) -> list[str]:
    """Warnings about an extracted subnet."""
    warnings = []
    if not meta['calibration']:
        warnings.append(
            "batch-norm statistics are the supernet's, mixed over its subnets; frozen features "
            'need --calibrate'
        )
    searched = (meta['search'] or {}).get('checkpoint_sha256')
    if searched and searched != meta['source']['checkpoint_sha256']:
        warnings.append('the search was made with another checkpoint')
    weights = meta['source']['weights']
    if meta['search'] and meta['search'].get('weights', weights) != weights:
        warnings.append(f'the search was made with the other weights than {weights}')
    return warnings


def main() -> None:
    args = parse_args()
    with naming_options(OPTIONS):
        run(args)


if __name__ == '__main__':
    run_cli(main)
