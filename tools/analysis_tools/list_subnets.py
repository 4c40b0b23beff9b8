"""List the best subnets of a search."""

import argparse
import csv
import io
import json
from collections.abc import Callable
from typing import Any

from gaia_ssl.space import COSTS, Budget
from gaia_ssl.space.search_json import costs_of, load_results
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.pareto import pareto_rows
from gaia_ssl.visualization.costs import unit_of

Rows = list[dict[str, Any]]
"""Rows of a result; a subnet's also has its ``rank``, an anchor's its ``name``."""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('search', metavar='SEARCH.json', help='the result of a search')
    parser.add_argument(
        '--top', type=int, help='how many, best first; default: 10, with --pareto the whole front'
    )
    for cost in COSTS:
        parser.add_argument(
            f'--{cost}',
            nargs=2,
            metavar=('LOW', 'HIGH'),
            help=f'only those with LOW <= {cost} < HIGH',
        )
    parser.add_argument(
        '--pareto',
        nargs='*',
        choices=COSTS,
        metavar='COST',
        help='only those that no other beats in distance and in these costs; default: flops',
    )
    parser.add_argument('--anchors', action='store_true', help='the anchors as well')
    parser.add_argument('--format', choices=FORMATS, default='table')
    return parser.parse_args()


def choose(args: argparse.Namespace) -> tuple[Rows, list[str]]:
    """The rows that the command line asks for, and the costs that they have.

    Raises:
        UserError: If the search is none, lacks a cost, or has no such subnet.
    """
    result = load_results([args.search]).popitem()[1]
    costs = costs_of(result)
    rows = [dict(rank=rank, **row) for rank, row in enumerate(result['subnets'], 1)]
    # given without a cost it is about multiply-adds
    front = args.pareto if args.pareto is None else args.pareto or ['flops']
    budgets = {cost: getattr(args, cost) for cost in COSTS if getattr(args, cost)}
    for cost in (*budgets, *(front or ())):
        if cost not in costs:
            raise UserError(f'{args.search} has no {cost}; it has {", ".join(costs)}')
    for cost, interval in budgets.items():
        low, high = Budget.parse({cost: interval}).intervals[cost]
        rows = [row for row in rows if low <= row[cost] < high]
    if not rows:
        raise UserError(f'{args.search} has no subnet within this budget; give a wider one')
    if front:
        rows = pareto_rows(rows, front)
    top = args.top if args.top is not None else len(rows) if front else 10
    if top < 1:
        raise UserError(f'--top: {top} subnets; give 1 or more')
    return rows[:top] + (result['anchors'] if args.anchors else []), costs


def cells(rows: Rows, costs: list[str]) -> list[list[str]]:
    """The rows for people: a heading, then text in handy units."""
    units = {cost: unit_of(cost, max(row[cost] for row in rows)) for cost in costs}
    heading = ['rank', 'distance', *(unit.name.strip() for unit in units.values()), 'arch']
    return [heading] + [
        [
            str(row.get('rank') or row['name']),
            f'{row["distance"]:.4g}',
            *(f'{row[cost] / unit.scale:.2f}' for cost, unit in units.items()),
            json.dumps(row['arch']),
        ]
        for row in rows
    ]


def to_table(rows: Rows, costs: list[str]) -> str:
    lines = cells(rows, costs)
    *widths, _ = [max(map(len, column)) for column in zip(*lines)]
    return '\n'.join(
        '  '.join([*(text.rjust(width) for text, width in zip(line, widths)), line[-1]])
        for line in lines
    )


def to_markdown(rows: Rows, costs: list[str]) -> str:
    heading, *lines = cells(rows, costs)
    lines = [heading, ['---:'] * (len(heading) - 1) + ['---']] + [
        [*line[:-1], f'`{line[-1]}`'] for line in lines
    ]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def to_csv(rows: Rows, costs: list[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['rank', 'name', 'distance', *costs, 'arch'])
    for row in rows:
        values = [row['distance'], *(row[cost] for cost in costs), json.dumps(row['arch'])]
        writer.writerow([row.get('rank', ''), row.get('name', ''), *values])
    return text.getvalue().rstrip('\n')


def to_json(rows: Rows, costs: list[str]) -> str:
    return '[\n' + ',\n'.join(map(json.dumps, rows)) + '\n]'


FORMATS: dict[str, Callable[[Rows, list[str]], str]] = dict(
    table=to_table, csv=to_csv, json=to_json, markdown=to_markdown
)


def main() -> None:
    args = parse_args()
    print(FORMATS[args.format](*choose(args)))


if __name__ == '__main__':
    run_cli(main)
