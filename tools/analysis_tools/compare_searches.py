"""Compare searches: how well their rankings of the same archs agree."""

import argparse
import json
from typing import Any

from gaia_ssl.search.compare import compare, report
from gaia_ssl.space.search_json import load_results
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.files import atomic_write
from gaia_ssl.visualization import plot_comparison


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('searches', nargs='+', metavar='SEARCH.json', help='two results or more')
    parser.add_argument(
        '--top',
        nargs='+',
        default=['10', '5%'],
        metavar='K',
        help='how many of the best are compared, numbers or shares; default: 10 5%%',
    )
    parser.add_argument(
        '--out',
        nargs='+',
        default=[],
        metavar='FILE',
        help='files to write: .md the report, .json all numbers, .png rank against rank',
    )
    return parser.parse_args()


def to_json(comparison: dict[str, Any]) -> str:
    return json.dumps(comparison, allow_nan=False)


TEXTS = {'md': report, 'json': to_json}


def main() -> None:
    args = parse_args()
    kinds = {path: path.rpartition('.')[2] for path in args.out}
    for path, kind in kinds.items():
        if kind not in (*TEXTS, 'png'):
            raise UserError(f'--out: {path} does not end in .md, .json or .png')
    comparison = compare(load_results(args.searches), args.top)
    print(report(comparison), flush=True)
    for path, kind in kinds.items():
        if kind == 'png':
            plot_comparison(comparison, path)
            continue
        with atomic_write(path) as file:
            file.write(TEXTS[kind](comparison) + '\n')


if __name__ == '__main__':
    run_cli(main)
