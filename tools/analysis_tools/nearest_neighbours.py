"""Draw images beside their nearest neighbours by the features of an extracted subnet."""

import argparse

from gaia_ssl.apis import extract_features
from gaia_ssl.datasets import ImageSet
from gaia_ssl.utils.cli import naming_options, run_cli
from gaia_ssl.visualization.figure import prepare_picture
from gaia_ssl.visualization.neighbours import plot_neighbours

OPTIONS = dict(
    images='--images',
    neighbours='--neighbours',
    num='--num',
    num_images='--num-images',
    out='--out',
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('subnet', metavar='SUBNET_DIR', help='folder of an extracted subnet')
    parser.add_argument(
        '--images',
        required=True,
        nargs='+',
        help='a folder of images, a COCO FILE.json[:DIR] or a list FILE.txt[:DIR]',
    )
    parser.add_argument(
        '--out', required=True, metavar='FILE', help='the picture, e.g. neighbours.png'
    )
    parser.add_argument(
        '--num', type=int, default=8, help='images to ask for; default: %(default)s'
    )
    parser.add_argument(
        '--neighbours', type=int, default=6, help='neighbours of each; default: %(default)s'
    )
    parser.add_argument(
        '--num-images',
        type=int,
        default=1000,
        help='images among which neighbours are looked for, drawn at random; default: %(default)s',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with naming_options(OPTIONS):
        prepare_picture(args.out)
        images = ImageSet(args.images, pipeline=()).subset(args.num_images, seed=0)
        paths = [images.path(index) for index in range(len(images))]
        features = extract_features(args.subnet, paths, show_progress=True)
        plot_neighbours(features, paths, args.out, args.num, args.neighbours)
    print(args.out)


if __name__ == '__main__':
    run_cli(main)
