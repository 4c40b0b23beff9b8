"""Make sprites and scenes, in OpenMMLab's dataset layouts, from a small part of Fashion-MNIST.

The layouts are described in gaia_ssl/datasets/synthetic/fashion_scenes.py.
"""

import argparse

from gaia_ssl.datasets.synthetic.fashion_scenes import DATA, build
from gaia_ssl.utils.cli import naming_options, run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', required=True, help='folder to make')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--train-scenes', type=int, default=1000)
    parser.add_argument('--val-scenes', type=int, default=200)
    parser.add_argument('--per-class', type=int, help='garments per class to use (default: all)')
    parser.add_argument(
        '--source',
        default=DATA,
        metavar='DIR',
        help="folder with Fashion-MNIST's four *-ubyte.gz (default: a part of it, 6,000 garments)",
    )
    args = parser.parse_args()
    if args.seed < 0:
        parser.error(f'--seed must be 0 or more, got {args.seed}')
    for name in ('train_scenes', 'val_scenes', 'per_class'):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f'--{name.replace("_", "-")} must be at least 1, got {value}')
    return args


def main() -> None:
    args = parse_args()
    with naming_options(dict(out='--out')):
        build(args.out, args.seed, args.train_scenes, args.val_scenes, args.per_class, args.source)
    print(f'sprites and scenes are in {args.out}')


if __name__ == '__main__':
    run_cli(main)
