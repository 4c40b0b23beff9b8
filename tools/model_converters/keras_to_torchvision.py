"""Write Keras' first ResNet-50, saved for TensorFlow.js, as a checkpoint in torchvision's layout.

The layers have the old names, such as res2a_branch2a. The weights are in caffe style and want BGR.
"""

import argparse

from gaia_ssl.export.keras_resnet import keras_to_torchvision
from gaia_ssl.utils.cli import naming_options, run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', help='folder with model.json and the files that it names')
    parser.add_argument('--out', required=True, metavar='FILE', help='the checkpoint to write')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with naming_options(dict(keras='folder')):
        number = keras_to_torchvision(args.folder, args.out)
    print(f'{args.out} written, {number} weights in caffe style')


if __name__ == '__main__':
    run_cli(main)
