"""Pareto fronts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def pareto_front(points: ArrayLike) -> np.ndarray:
    """Indices of the points that no other point dominates; every objective is minimised.

    A point dominates another if it is nowhere worse and somewhere better; equal points do not
    dominate each other.

    Args:
        points: (N, K), a row for each point and a column for each objective.

    Returns:
        Ascending indices of the front. Two objectives take O(N log N), more O(N F) for a front
        of F points.

    Raises:
        ValueError: If the points are not a table, or one of them is NaN, which cannot be compared.
    """
    points = np.asarray(points, float)
    if points.ndim != 2 or np.isnan(points).any():
        raise ValueError('points: give a table (N, K) of numbers')
    if not points.size:
        return np.arange(len(points))
    # in lexicographic order the points that dominate a point come before it
    order = np.lexsort(points.T[::-1])
    ordered = points[order]
    first = np.ones(len(points), bool)
    first[1:] = (ordered[1:] != ordered[:-1]).any(1)
    # (N, K) -> (U, K), equal points once
    distinct = ordered[first]
    front = _front_of_two(distinct) if points.shape[1] == 2 else _front_of_many(distinct)
    return np.sort(order[front[np.cumsum(first) - 1]])


def pareto_rows(
    rows: Sequence[dict[str, Any]], costs: Sequence[str] = ('flops',)
) -> list[dict[str, Any]]:
    """The subnets of a search on the Pareto front of distance and costs.

    Args:
        rows: Rows of a result, see ``load_result``.
        costs: The costs that count beside the distance. Defaults to multiply-adds.

    Returns:
        The rows on the front, in their order.
    """
    names = ['distance', *costs]
    points = np.array([[row[name] for name in names] for row in rows]).reshape(-1, len(names))
    return [rows[i] for i in pareto_front(points)]


def _front_of_two(distinct: np.ndarray) -> np.ndarray:
    """bool (U,): the points that improve the second objective, in the order of the first."""
    lowest = np.minimum.accumulate(distinct[:, 1])
    return np.concatenate([[True], distinct[1:, 1] < lowest[:-1]])


def _front_of_many(distinct: np.ndarray) -> np.ndarray:
    """bool (U,): the first one left is on the front; what it dominates is removed."""
    front = np.zeros(len(distinct), bool)
    left = np.arange(len(distinct))
    while len(left):
        front[left[0]] = True
        left = left[(distinct[left] < distinct[left[0]]).any(1)]
    return front
