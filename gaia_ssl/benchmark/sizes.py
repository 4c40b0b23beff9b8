"""Sizes of archs, the baselines that a score has to beat."""

from collections.abc import Callable
from typing import Any

SIZES: dict[str, Callable[[dict[str, Any]], float]] = {
    'FLOPs': lambda row: row['flops'],
    'params': lambda row: row['params'],
    'width': lambda row: row['arch']['width'][-1],
    'depth': lambda row: sum(row['arch']['depth']),
}
"""By name, of a subnet in a ``search.json``; ``width`` is that of the last stage."""
