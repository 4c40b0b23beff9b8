"""Readable units of costs: ``4.92 MFLOPs``, and columns of tables in one unit each."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Unit(NamedTuple):
    """A unit of a cost.

    Attributes:
        scale: Its size in the unit of the result file.
        name: Its name.
    """

    scale: float
    name: str


_UNITS = dict(
    flops=('FLOPs', dict(G=1e9, M=1e6)),
    params=(' parameters', dict(M=1e6, k=1e3)),
    memory=('B', dict(G=1e9, M=1e6, k=1e3)),
    latency=('s', {'': 1, 'm': 1e-3, 'µ': 1e-6}),
)


def unit_of(cost: str, largest: float) -> Unit:
    """Choose the unit of a cost.

    Args:
        cost: ``'flops'``, ``'params'``, ``'memory'`` (bytes) or ``'latency'`` (seconds).
        largest: The largest value there is.

    Returns:
        The largest unit of which ``largest`` is one or more, else the smallest.
    """
    name, prefixes = _UNITS[cost]
    fitting = [prefix for prefix, scale in prefixes.items() if largest >= scale]
    prefix = (fitting or list(prefixes)[-1:])[0]
    return Unit(prefixes[prefix], f'{prefix}{name}')


def cost_text(cost: str, value: float) -> str:
    """A cost in its own unit: ``4.92 MFLOPs``, ``82.94 k parameters``."""
    unit = unit_of(cost, value)
    return f'{value / unit.scale:.2f} {unit.name.strip()}'


def cost_columns(
    rows: Sequence[Mapping[str, Any]], costs: Sequence[str]
) -> tuple[list[str], list[list[str]]]:
    """Costs of several subnets for a table, one unit per column.

    Args:
        rows: The subnets, with a value of each cost.
        costs: The costs, see ``unit_of``.

    Returns:
        The headings, and the texts of each row.
    """
    units = {cost: unit_of(cost, max(row[cost] for row in rows)) for cost in costs}
    cells = [[f'{row[cost] / unit.scale:.2f}' for cost, unit in units.items()] for row in rows]
    return [unit.name.strip() for unit in units.values()], cells


def cost_lines(rows: Sequence[Mapping[str, Any]], costs: Sequence[str]) -> list[str]:
    """The columns of ``cost_columns`` side by side and aligned, the headings first."""
    headings, cells = cost_columns(rows, costs)
    widths = [max(map(len, column)) for column in zip(headings, *cells)]
    return [
        '  '.join(text.rjust(width) for text, width in zip(line, widths))
        for line in (headings, *cells)
    ]
