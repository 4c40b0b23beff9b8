"""From a folder of images to a backbone: plan, pretrain or adapt, search, judge, extract, report.

Looks at the images and measures this machine, prints a plan of what fits into --minutes, and runs
it: ordinary commands with an ordinary config, all in --work-dir. What is done is not repeated: run
the same command again to resume.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from gaia_ssl.benchmark.pipeline import orderly_exit
from gaia_ssl.benchmark.stages import claim_settings
from gaia_ssl.fit.job import Fit
from gaia_ssl.fit.report import write_report
from gaia_ssl.fit.request import TASKS, Request
from gaia_ssl.utils.cli import add_cfg_options, naming_options, run_cli
from gaia_ssl.utils.lock import lock

OPTIONS = dict(
    images='--images',
    labels='--labels',
    teacher='--teacher',
    pretrained='--pretrained',
    input_size='--input-size',
    minutes='--minutes',
    work_dir='--work-dir',
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--images', required=True, help='folder of unlabeled images, nested or not')
    parser.add_argument(
        '--labels',
        help='labeled images that judge the pick, which neither training nor search reads: one '
        'folder per class; for detection and segmentation a folder of images and annotations, '
        "label maps in 8 bits, or objects in COCO's format, FILE.json:DIR",
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        '--teacher', metavar='FILE', help='checkpoint of a ResNet whose features are learnt'
    )
    start.add_argument(
        '--pretrained',
        metavar='FILE',
        help='checkpoint of a ResNet, ResNeXt or MobileNetV2 that becomes the largest subnet',
    )
    parser.add_argument(
        '--task', choices=TASKS, default='classification', help='default: %(default)s'
    )
    for cost, example in dict(flops='150M 200M', params='2M 5M', latency='0 20ms').items():
        parser.add_argument(
            f'--{cost}',
            nargs=2,
            metavar=('LOW', 'HIGH'),
            help=f'budget, e.g. {example}'
            + ("; default: half of the largest subnet's" if cost == 'flops' else ''),
        )
    parser.add_argument(
        '--input-size', type=int, help='side of the views in pixels; default: by the images'
    )
    parser.add_argument(
        '--minutes', type=float, default=30, help='what all may take (default: %(default)g)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of all that is drawn (default: 0)')
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/fit'),
        help='where everything goes (default: %(default)s)',
    )
    parser.add_argument('--dry-run', action='store_true', help='print the plan and stop')
    add_cfg_options(parser)
    return parser.parse_args()


def _absolute(source: str) -> str:
    """A path, or a file and a folder, ``FILE.json:DIR``, as absolute ones."""
    file, joint, folder = source.partition('.json:')
    parts = [f'{file}.json', folder] if joint else [source]
    return ':'.join(str(Path(part).expanduser().absolute()) for part in parts)


def request_of(args: argparse.Namespace) -> Request:
    """The request that the command line makes, with absolute paths."""
    paths = {name: getattr(args, name) for name in ('images', 'labels', 'teacher', 'pretrained')}
    paths = {name: _absolute(path) for name, path in paths.items() if path}
    budget = {cost: getattr(args, cost) for cost in ('flops', 'params', 'latency')}
    return Request(
        **paths,
        work_dir=str(args.work_dir.expanduser().absolute()),
        task=args.task,
        budget={cost: bounds for cost, bounds in budget.items() if bounds},
        input_size=args.input_size,
        minutes=args.minutes,
        seed=args.seed,
        options=dict(args.cfg_options or {}),
    )


def main() -> None:
    args = parse_args()
    with naming_options(OPTIONS), orderly_exit('fit'):
        request = request_of(args)
        settings = asdict(request)
        fit = Fit(request)
        claim_settings(args.work_dir, settings)
        with lock(args.work_dir, '--work-dir'):
            plan = fit.plan()
            print('\n'.join(plan.lines()), flush=True)
            if args.dry_run:
                return
            fit.run(plan)
            print(write_report(request, plan))


if __name__ == '__main__':
    run_cli(main)
