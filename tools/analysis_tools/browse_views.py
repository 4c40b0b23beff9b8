"""Draw augmented views of training images, as the network is going to see them."""

import argparse

from gaia_ssl.utils.cli import add_cfg_options, load_config, naming_options, run_cli
from gaia_ssl.visualization.views import plot_views


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='training config')
    parser.add_argument('--out', required=True, metavar='FILE', help='the picture, e.g. views.png')
    parser.add_argument('--num', type=int, default=8, help='images; default: %(default)s')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    config = load_config(args.config, args.cfg_options)
    with naming_options(dict(out='--out', num='--num')):
        plot_views(config, args.out, args.num)
    print(args.out)


if __name__ == '__main__':
    run_cli(main)
