"""Train or test a detector, segmentor or classifier on an extracted subnet."""

import argparse
import json
import os.path as osp

from mmengine.dist import is_main_process

from gaia_ssl.engine.downstream import (
    SUBNET,
    evaluate_downstream,
    load_downstream_config,
    train_downstream,
)
from gaia_ssl.utils.cli import add_cfg_options, add_launcher, add_training_options, run_cli
from gaia_ssl.utils.dist import process_group


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    train = commands.add_parser('train', help='train, and evaluate as the config says')
    test = commands.add_parser('test', help='evaluate a trained model')
    for command in (train, test):
        command.add_argument('config', help='a config below configs/benchmarks, or of a project')
    test.add_argument('checkpoint', help='checkpoint of its training')
    for command in (train, test):
        command.add_argument(
            '--subnet', metavar='DIR', help=f'folder of an extracted subnet; default: ${SUBNET}'
        )
        command.add_argument('--work-dir', help='where logs and checkpoints go')
        add_cfg_options(command)
        add_launcher(command)
    add_training_options(train)
    return parser.parse_args()


def run(args: argparse.Namespace) -> None:
    """Train or test as the command says."""
    config = load_downstream_config(args.config, args.subnet, args.cfg_options)
    name = osp.splitext(osp.basename(args.config))[0]
    if subnet := config.env_variables.get(SUBNET):
        name = osp.join(name, osp.basename(osp.normpath(subnet)))
    options = dict(work_dir=args.work_dir, launcher=args.launcher)
    if args.command == 'train':
        train_downstream(
            config,
            name,
            resume=args.resume,
            amp=args.amp,
            auto_scale_lr=args.auto_scale_lr,
            **options,
        )
        return
    metrics = evaluate_downstream(config, name, args.checkpoint, **options)
    if is_main_process():
        print(json.dumps({key: float(value) for key, value in metrics.items()}, indent=1))


def main() -> None:
    args = parse_args()
    with process_group(args.launcher, args.local_rank):
        run(args)


if __name__ == '__main__':
    run_cli(main)
