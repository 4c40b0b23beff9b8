r"""Write the objects of a data set in COCO's format as label maps, a class per pixel.

Usage: python tools/dataset_converters/coco_to_label_maps.py --annotations FILE --images DIR \
    --out DIR

The folder is what ``tools/search.py --task dense --labels DIR`` reads: links to the images that
have objects, and label maps in the layout of ADE20K. Objects without masks are filled boxes.
"""

import argparse

from gaia_ssl.datasets.coco_label_maps import write_label_maps
from gaia_ssl.utils.cli import naming_options, run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--annotations', required=True, help="file in COCO's format")
    parser.add_argument('--images', required=True, help='folder of its images')
    parser.add_argument('--out', required=True, help='folder to make')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with naming_options(dict(out='--out', ann_file='--annotations')):
        names = write_label_maps(args.annotations, args.images, args.out)
    print(f'label maps of {len(names)} classes are in {args.out}: {", ".join(names)}')


if __name__ == '__main__':
    run_cli(main)
