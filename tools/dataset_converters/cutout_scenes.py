"""Paste cut-outs on photographs: scenes with exact boxes and masks, as COCO and as ADE20K.

The layouts are described in gaia_ssl/datasets/synthetic/cutout_scenes.py. Images for it are in
packages of Debian, as in docs/en/notes/evidence.md.
"""

import argparse

from gaia_ssl.datasets.synthetic.cutout_scenes import build
from gaia_ssl.utils.cli import naming_options, run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--photographs', required=True, help='folder of images, nested or not')
    parser.add_argument(
        '--cutouts', required=True, help='folder with one folder per category, of images with alpha'
    )
    parser.add_argument('--out', required=True, help='folder to make')
    numbers = dict(size=(128, 'side of a scene in pixels'), train=(3000, 'training scenes'))
    numbers |= dict(val=(600, 'validation scenes'), seed=(0, 'seed of all randomness'))
    for name, (default, text) in numbers.items():
        parser.add_argument(
            f'--{name}', type=int, default=default, help=f'{text} (default: %(default)s)'
        )
    args = parser.parse_args()
    for name in numbers:
        if (value := getattr(args, name)) < (name != 'seed'):
            parser.error(f'--{name} is too small: {value}')
    return args


def main() -> None:
    args = parse_args()
    with naming_options({name: f'--{name}' for name in ('out', 'photographs', 'cutouts')}):
        made = build(**vars(args))
    print(f'scenes of {", ".join(made["things"])} are in {args.out}')


if __name__ == '__main__':
    run_cli(main)
