"""Markdown tables, and archs as text in them."""

from collections.abc import Sequence
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table.

    Args:
        head: Titles of the columns.
        rows: The cells of each row, one per column.
    """
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def short_arch(arch: dict[str, Any]) -> str:
    """An arch in short: ``12 / 16-32-64-128 / 2-3-3-2`` (stem width, widths, depths)."""
    values = (value if isinstance(value, list) else [value] for value in arch.values())
    return ' / '.join('-'.join(map(str, value)) for value in values)
