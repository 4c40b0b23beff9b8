"""Write a pretrained network as the checkpoint of a supernet that starts from it.

In eval mode the supernet's largest subnet computes what the network does, its channels in another
order. The checkpoint is for ``load_from`` of the same config, and for search and extraction.
"""

import argparse

from gaia_ssl.export.warm_start import network_to_supernet
from gaia_ssl.utils.cli import add_cfg_options, load_config, naming_options, run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'checkpoint',
        help='ResNet, ResNeXt or MobileNetV2 of torchvision, timm, mmpretrain or mmdet',
    )
    parser.add_argument('config', help='training config of the supernet')
    parser.add_argument('--out', required=True, metavar='FILE', help='the checkpoint to write')
    parser.add_argument(
        '--prefix',
        help='prefix of the keys of the network; default: the shortest under which there is one',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='of the weights that the network lacks (default: 0)'
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    config = load_config(args.config, args.cfg_options)
    with naming_options(dict(prefix='--prefix')):
        start = network_to_supernet(config, args.checkpoint, args.out, args.prefix, args.seed)
    relation = 'MAX is the network' if start.is_max else 'MAX is larger and computes the same'
    print(f'{args.out} written for {args.config}: {relation}')


if __name__ == '__main__':
    run_cli(main)
