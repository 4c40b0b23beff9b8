"""The whole job on small images, on CPU, in a quarter of an hour.

Makes its data, pretrains a small supernet without labels, searches it twice under one budget,
extracts the best subnets, finetunes them with MMDetection, MMSegmentation and MMPretrain beside the
same subnets from random weights, and writes a report. A stage whose result is there is skipped: run
the same command again to go on with a stopped quickstart.
"""

import argparse
import json
from pathlib import Path

from pipeline import Pipeline, orderly_exit
from plan import DATA, make_plan
from report import write_report
from stages import StageError, lock, write_json


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
        '--smoke',
        action='store_true',
        help='a few iterations of everything, to see that it runs; the figures mean nothing',
    )
    return parser.parse_args()


def prepare(work_dir: Path, settings: dict) -> None:
    """Make the work dir, or check that it is one of the same settings.

    Args:
        work_dir: The folder.
        settings: What makes two quickstarts different ones.

    Raises:
        StageError: If it cannot be written or holds something else.
    """
    path = work_dir / 'settings.json'
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        if not any(work_dir.iterdir()):
            write_json(path, settings)
    except OSError as error:
        raise StageError(f'--work-dir: {work_dir} cannot be written ({error.strerror})') from error
    # stages remove folders that they make anew: never someone else's
    if not path.is_file() or json.loads(path.read_text()) != settings:
        raise StageError(
            f'--work-dir: {work_dir} holds something else or a quickstart with other options; '
            'choose another'
        )


def main() -> None:
    args = parse_args()
    work_dir = args.work_dir.absolute()
    settings = dict(data=args.data, smoke=args.smoke)
    with orderly_exit('quickstart'):
        prepare(work_dir, settings)
        plan = make_plan(work_dir, **settings)
        with lock(work_dir):
            Pipeline(plan.stages(), work_dir).run()
            print(write_report(plan))


if __name__ == '__main__':
    main()
