"""Lists of the subnets of a search, as tables, Markdown, CSV or JSON."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gaia_ssl.space import Budget
from gaia_ssl.space.search_json import Result, costs_of
from gaia_ssl.space.units import cost_columns
from gaia_ssl.utils import UserError
from gaia_ssl.utils.pareto import pareto_rows

Rows = list[dict[str, Any]]
"""Rows of a result; a subnet's also has its ``rank``, an anchor's its ``name``."""


def choose_rows(
    result: Result,
    budgets: Mapping[str, Sequence[Any]] | None = None,
    front: Sequence[str] | None = None,
    top: int | None = None,
    anchors: bool = False,
) -> Rows:
    """Choose subnets of a search.

    Args:
        result: The result of the search.
        budgets: By cost the interval, (low, high), that it must be in. Defaults to none.
        front: Costs, to choose only the Pareto front of the distance and these. Defaults to all
            subnets.
        top: Number of subnets, best first. Defaults to 10, of a front to all.
        anchors: Add the anchors. Defaults to False.

    Raises:
        UserError: If the search lacks a cost, or has no such subnet.
    """
    budgets, costs = budgets or {}, costs_of(result)
    for cost in (*budgets, *(front or ())):
        if cost not in costs:
            raise UserError(f'{cost}: the search has no {cost}; it has {", ".join(costs)}')
    rows = [dict(rank=rank, **row) for rank, row in enumerate(result['subnets'], 1)]
    for cost, interval in budgets.items():
        low, high = Budget.parse({cost: interval}).intervals[cost]
        rows = [row for row in rows if low <= row[cost] < high]
    if not rows:
        raise UserError('budget: the search has no subnet within this budget; give a wider one')
    if front:
        rows = pareto_rows(rows, front)
    if top is None:
        top = len(rows) if front else 10
    if top < 1:
        raise UserError(f'top: {top} subnets; give 1 or more')
    return rows[:top] + (result['anchors'] if anchors else [])


def to_table(rows: Rows, costs: Sequence[str]) -> str:
    """Rows in aligned columns, with readable units."""
    lines = _cells(rows, costs)
    *widths, _ = [max(map(len, column)) for column in zip(*lines)]
    return '\n'.join(
        '  '.join([*(text.rjust(width) for text, width in zip(line, widths)), line[-1]])
        for line in lines
    )


def to_markdown(rows: Rows, costs: Sequence[str]) -> str:
    """Rows as a Markdown table, with readable units."""
    heading, *lines = _cells(rows, costs)
    lines = [heading, ['---:'] * (len(heading) - 1) + ['---']] + [
        [*line[:-1], f'`{line[-1]}`'] for line in lines
    ]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def to_csv(rows: Rows, costs: Sequence[str]) -> str:
    """Rows as CSV, with exact numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['rank', 'name', 'distance', *costs, 'arch'])
    for row in rows:
        values = [row['distance'], *(row[cost] for cost in costs), json.dumps(row['arch'])]
        writer.writerow([row.get('rank', ''), row.get('name', ''), *values])
    return text.getvalue().rstrip('\n')


def to_json(rows: Rows, costs: Sequence[str]) -> str:
    """Rows as JSON, one per line, with exact numbers."""
    return '[\n' + ',\n'.join(map(json.dumps, rows)) + '\n]'


FORMATS: dict[str, Callable[[Rows, Sequence[str]], str]] = dict(
    table=to_table, csv=to_csv, json=to_json, markdown=to_markdown
)


def _cells(rows: Rows, costs: Sequence[str]) -> list[list[str]]:
    """A heading, and the text of each row in readable units."""
    headings, texts = cost_columns(rows, costs)
    return [['rank', 'distance', *headings, 'arch']] + [
        [
            str(row.get('rank') or row['name']),
            f'{row["distance"]:.4g}',
            *text,
            json.dumps(row['arch']),
        ]
        for row, text in zip(rows, texts, strict=True)
    ]
