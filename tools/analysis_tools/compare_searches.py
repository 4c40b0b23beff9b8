"""Compare searches: how far they rank the same archs alike."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from gaia_ssl.search.compare import CORRELATIONS, compare
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


def report(comparison: dict[str, Any]) -> str:
    """The comparison to be read, as Markdown."""
    names = comparison['names']
    counts = ', '.join(f'{name} {count}' for name, count in comparison['counts'].items())
    differences = [[k, *map(value_text, v)] for k, v in comparison['differences'].items()]
    parts = [
        f'# {" against ".join(names)}',
        f'{comparison["num_common"]} archs that all scored (of {counts}).',
        '## What differs',
        table(['', *names], differences) if differences else 'Nothing: the same search.',
    ]
    for name in CORRELATIONS:
        parts += [
            f'## {name.capitalize()} rank correlation',
            matrix(names, comparison[name], lambda x: 'undefined' if x is None else f'{x:.3f}'),
        ]
    for top in comparison['top']:
        parts += [
            f'## Shared among the best {top["k"]}',
            f'{top["expected"]:.3g} by chance.',
            matrix(names, top['shared'], str),
        ]
    rows = []
    for name, best in comparison['best'].items():
        ranks = [str(best['ranks'][other]) for other in names]
        rows.append([f'best of {name}', *ranks, json.dumps(best['arch'])])
    parts += [
        "## Each one's best among them",
        table(['', *(f'rank in {name}' for name in names), 'arch'], rows),
    ]
    return '\n\n'.join(parts)


def table(heading: list[str], rows: list[list[str]]) -> str:
    lines = [heading, ['---'] * len(heading), *rows]
    # a file's text cannot end the cell or the line
    lines = [[' '.join(text.replace('|', '/').split()) for text in line] for line in lines]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def matrix(names: list[str], values: list[list[Any]], text: Callable[[Any], str]) -> str:
    return table(['', *names], [[name, *map(text, row)] for name, row in zip(names, values)])


def value_text(value: Any) -> str:
    """A setting; of a digest its beginning tells enough."""
    text = value if isinstance(value, str) else json.dumps(value)
    is_digest = len(text) == 64 and set(text) <= set('0123456789abcdef')
    return f'{text[:12]}...' if is_digest else text


def to_json(comparison: dict[str, Any]) -> str:
    return json.dumps(comparison, allow_nan=False)


TEXTS = {'md': report, 'json': to_json}


def main() -> None:
    args = parse_args()
    kinds = {path: path.rpartition('.')[2] for path in args.out}
    for path, kind in kinds.items():
        if kind not in (*TEXTS, 'png'):
            raise UserError(f'--out: {path} ends in none of .md, .json, .png')
    comparison = compare(load_results(args.searches), args.top)
    for path, kind in kinds.items():
        if kind == 'png':
            plot_comparison(comparison, path)
            continue
        with atomic_write(path) as file:
            file.write(TEXTS[kind](comparison) + '\n')
    print(report(comparison))


if __name__ == '__main__':
    run_cli(main)
