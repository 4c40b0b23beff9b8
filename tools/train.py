"""Train a supernet by a config."""

import argparse

from gaia_ssl.engine.train import prepare_config, train
from gaia_ssl.utils.cli import (
    add_cfg_options,
    add_launcher,
    add_training_options,
    load_config,
    run_cli,
)
from gaia_ssl.utils.dist import process_group
from gaia_ssl.utils.files import naming_file


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='training config')
    parser.add_argument('--work-dir', help='where logs and checkpoints go')
    add_training_options(parser)
    add_cfg_options(parser)
    add_launcher(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    config = load_config(args.config, args.cfg_options)
    prepare_config(
        config,
        args.config,
        work_dir=args.work_dir,
        amp=args.amp,
        auto_scale_lr=args.auto_scale_lr,
        launcher=args.launcher,
    )
    with process_group(args.launcher, args.local_rank), naming_file(config.work_dir):
        train(config, args.resume)


if __name__ == '__main__':
    run_cli(main)
