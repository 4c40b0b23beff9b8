"""Finetune subnets and baselines on downstream tasks, and put the figures into one table.

Plans every subnet and baseline on every task, runs tools/benchmarks/downstream.py for each (trains,
then tests the last checkpoint), and writes WORK_DIR/table.{md,csv,json}. A failed run is named and
the others continue. With --resume, finished runs are not repeated, and stopped ones resume from
their checkpoints. Under slurm the commands are printed instead, and the same command collects the
results.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gaia_ssl.benchmark.arms import make_arms
from gaia_ssl.benchmark.launch import Launch
from gaia_ssl.benchmark.pipeline import Pipeline, orderly_exit
from gaia_ssl.benchmark.runs import Run, make_runs
from gaia_ssl.benchmark.table import collect, write_table
from gaia_ssl.benchmark.tasks import load_task
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.lock import lock


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--subnets', nargs='+', type=Path, required=True, metavar='DIR', help='extracted folders'
    )
    parser.add_argument(
        '--tasks',
        nargs='+',
        required=True,
        metavar='TASK',
        help='names of configs in configs/benchmarks, e.g. coco_mask_rcnn ade20k_fcn, or paths of '
        'your own',
    )
    parser.add_argument(
        '--baselines',
        nargs='+',
        default=[],
        metavar='BASELINE',
        help='random: each subnet from random weights; NAME=DIR: another extracted folder, e.g. '
        'r50=work_dirs/subnet_r50; NAME=FILE: weights of an ordinary ResNet, e.g. '
        'supervised=resnet50.pth',
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/benchmarks'),
        help='where everything goes (default: %(default)s)',
    )
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm'),
        default='none',
        help='what starts the processes of a run (default: %(default)s)',
    )
    parser.add_argument(
        '--gpus', type=int, default=1, metavar='N', help='GPUs, or processes, of a run; default: 1'
    )
    parser.add_argument('--partition', help="slurm's")
    parser.add_argument(
        '--jobs', type=int, default=1, metavar='N', help='runs side by side; default: 1'
    )
    parser.add_argument(
        '--dry-run', action='store_true', help='print the commands of what is to be run, and end'
    )
    parser.add_argument(
        '--resume', action='store_true', help='resume what the work dir holds, if anything'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='override settings of every config',
    )
    args = parser.parse_args()
    if args.jobs < 1 or args.gpus < 1:
        parser.error('--jobs and --gpus must be at least 1')
    if args.launcher == 'slurm' and not args.partition:
        parser.error('--launcher slurm needs --partition')
    return args


def plan(args: argparse.Namespace, work_dir: Path) -> list[Run]:
    """Every run that the command line asks for.

    Raises:
        UserError: If an argument is wrong, or the work dir holds runs and is not to be resumed.
    """
    runs = work_dir / 'runs'
    if runs.exists() and not (args.resume or args.dry_run):
        raise UserError(
            f'--work-dir: {work_dir} already holds runs; give --resume to resume them, or '
            'another --work-dir'
        )
    arms = make_arms(args.subnets, args.baselines, work_dir / 'imported')
    tasks = [load_task(name, arms[0].subnet) for name in args.tasks]
    launch = Launch(args.launcher, args.gpus, args.partition)
    return make_runs(tasks, arms, runs, args.cfg_options, launch)


def work(runs: Sequence[Run], work_dir: Path, launcher: str, jobs: int) -> dict[str, str]:
    """Do what is not done, or print how.

    Returns:
        Why stages failed, by their names.
    """
    for run in runs:
        run.claim()
    waiting = [run for run in runs if not run.is_done()]
    if launcher == 'slurm':
        print(*(run.line() for run in waiting), sep='\n')
        return {}
    print(f'{len(waiting)} runs to do, {len(runs) - len(waiting)} done before', flush=True)
    stages = [stage for run in waiting for stage in run.stages()]
    lanes = runs[0].launch.lanes(jobs)
    pipeline = Pipeline(stages, work_dir, cores=jobs, lanes=lanes, tolerant=True)
    pipeline.run()
    return pipeline.failures


def main() -> None:
    args = parse_args()
    work_dir = args.work_dir.absolute()
    with orderly_exit('benchmarks', 'the same command with --resume'):
        runs = plan(args, work_dir)
        if args.dry_run:
            print(*(run.line() for run in runs if not run.is_done()), sep='\n')
            return
        with lock(work_dir, '--work-dir'):
            failures = work(runs, work_dir, args.launcher, args.jobs)
            print(write_table(collect(runs, failures), work_dir))
    for name, reason in failures.items():
        print(f'failed: {name}, {reason}', file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == '__main__':
    run_cli(main)
