"""Run the quickstart: pretrain, search, extract and finetune on small images, on CPU.

Makes its data, pretrains a small supernet without labels, searches it twice under one budget,
extracts the best subnets, finetunes them with MMDetection, MMSegmentation and MMPretrain beside the
same subnets from random weights, and writes a report. A stage whose result is there is skipped: run
the same command again to resume a stopped quickstart.
"""

import argparse
from pathlib import Path

from gaia_ssl.benchmark.pipeline import Pipeline, orderly_exit
from gaia_ssl.benchmark.quickstart.plan import DATA, make_plan
from gaia_ssl.benchmark.quickstart.report import write_report
from gaia_ssl.benchmark.stages import claim_settings
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.lock import lock
from gaia_ssl.utils.templates import check_fits


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='quickstart.sh',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/quickstart'),
        help='where everything goes (default: %(default)s)',
    )
    parser.add_argument(
        '--data',
        choices=DATA,
        default='scenes',
        help='what to detect and segment: scenes made of Fashion-MNIST, or 20 photographs of COCO '
        '(a small download; far too few to learn from)',
    )
    parser.add_argument(
        '--teacher',
        type=Path,
        metavar='FILE',
        help="a pretrained ResNet-50 in torchvision's layout; the supernet learns its features, in "
        'place of MoCo v2, and the searches compare with it',
    )
    parser.add_argument(
        '--smoke',
        action='store_true',
        help='a few iterations of everything, to see that it runs; the figures mean nothing',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    work_dir = args.work_dir.absolute()
    settings = dict(data=args.data, smoke=args.smoke)
    check_fits(str(work_dir), '--work-dir')  # its configs take paths from the environment
    if args.teacher is not None:
        check_fits(str(args.teacher.absolute()), '--teacher')
        if not args.teacher.is_file():
            raise UserError(f'--teacher: {args.teacher} does not exist; give a checkpoint')
        settings |= dict(teacher=str(args.teacher.absolute()))
    with orderly_exit('quickstart'):
        claim_settings(work_dir, settings)
        plan = make_plan(work_dir, **settings)
        with lock(work_dir, '--work-dir'):
            Pipeline(plan.stages(), work_dir).run()
            print(write_report(plan))


if __name__ == '__main__':
    run_cli(main)
