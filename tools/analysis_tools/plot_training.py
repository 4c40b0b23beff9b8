"""Draw the course of a training: losses, health of the embeddings, kNN and linear probes."""

import argparse

from gaia_ssl.utils.cli import naming_options, run_cli
from gaia_ssl.visualization.curves import plot_training


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('work_dir', metavar='WORK_DIR', help='folder of the training')
    parser.add_argument(
        '--out', required=True, metavar='FILE', help='the picture, e.g. training.png'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with naming_options(dict(out='--out', work_dir='WORK_DIR')):
        plot_training(args.work_dir, args.out)
    print(args.out)


if __name__ == '__main__':
    run_cli(main)
