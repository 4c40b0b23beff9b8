"""Write a supernet that was trained with the released GAIA-ssl as one of this toolbox."""

import argparse

from gaia_ssl.export.convert import released_to_supernet
from gaia_ssl.utils.cli import add_cfg_options, load_config, run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='training config of this toolbox, same method and space')
    parser.add_argument('checkpoint', help='checkpoint of the released GAIA-ssl')
    parser.add_argument('out', metavar='OUT.pth', help='the checkpoint to write')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    config = load_config(args.config, args.cfg_options)
    released_to_supernet(config, args.checkpoint, args.out)
    print(f'{args.out} written; tools/search.py and tools/extract.py take it with {args.config}')


if __name__ == '__main__':
    run_cli(main)
