"""Compare searches: rank correlations, overlap at the top, each one's best arch in the others."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from gaia_ssl.space import arch_key
from gaia_ssl.space.search_json import Result
from gaia_ssl.utils import UserError
from gaia_ssl.utils.markdown import table

Top = int | str
"""Number of the best archs: ``10``, ``'10'``, or a share of them, ``'5%'``."""

CORRELATIONS = dict(spearman=stats.spearmanr, kendall=stats.kendalltau)
"""Spearman's rho and Kendall's tau-b, which count ties."""


def compare(results: Mapping[str, Result], tops: Sequence[Top] = (10, '5%')) -> dict[str, Any]:
    """Compare the rankings of the archs that every search scored; anchors do not count.

    Args:
        results: Two or more results by name.
        tops: How many of the best to compare, each a number or a percentage of the archs.
            Defaults to 10 and 5%.

    Returns:
        ``names``; ``counts`` (how many subnets each search scored) and ``num_common``;
        ``differences`` (see ``meta_differences``); ``spearman`` and ``kendall``, a matrix each, in
        the order of the names, None where one search cannot tell any two archs apart; ``top``, per
        ``tops`` its size ``k``, the matrix ``shared`` of how many archs two searches both have
        among their ``k`` best, and what chance would give, ``expected``; ``best``, per search
        its best arch with its ``ranks`` in every search; and ``archs`` with their ``ranks``, from
        1, in every search, in the first one's order.

    Raises:
        UserError: If there are fewer than two results or fewer than two archs in common, or a top
            is malformed or of more archs than there are.
    """
    if len(results) < 2:
        raise UserError('compare: one search alone; give two or more')
    tables = [_distances(result) for result in results.values()]
    # a dict keeps the first search's order, best first
    common = [key for key in tables[0] if all(key in table for table in tables[1:])]
    num = len(common)
    if num < 2:
        raise UserError(
            f'compare: {" and ".join(results)} have {num} archs in common; search the same space '
            'and budget, random ones with the same seed and num'
        )
    distances = np.array([[table[key] for key in common] for table in tables])  # (M, N)
    ranks = np.array([_ranks(table, common) for table in tables])  # (M, N)
    written = {
        arch_key(row['arch']): row['arch'] for row in next(iter(results.values()))['subnets']
    }
    archs = [written[key] for key in common]
    best = [
        dict(arch=archs[i], ranks=dict(zip(results, ranks[:, i].tolist()))) for i in ranks.argmin(1)
    ]
    return dict(
        names=list(results),
        counts={name: len(result['subnets']) for name, result in results.items()},
        num_common=num,
        differences=meta_differences({name: r['meta'] for name, r in results.items()}),
        **{name: _matrix(function, distances) for name, function in CORRELATIONS.items()},
        top=[_overlap(ranks, parse_top(top, num)) for top in tops],
        best=dict(zip(results, best)),
        archs=archs,
        ranks=dict(zip(results, ranks.tolist())),
    )


def report(comparison: dict[str, Any]) -> str:
    """A comparison as a Markdown page.

    Args:
        comparison: The return value of ``compare``.
    """
    names = comparison['names']
    counts = ', '.join(f'{name} {count}' for name, count in comparison['counts'].items())
    differences = [[k, *map(_value_text, v)] for k, v in comparison['differences'].items()]
    parts = [
        f'# {" against ".join(names)}',
        f'{comparison["num_common"]} archs that all scored (of {counts}).',
        '## What differs',
        _table(['', *names], differences) if differences else 'Nothing: the same search.',
    ]
    for name in CORRELATIONS:
        parts += [
            f'## {name.capitalize()} rank correlation',
            _matrix_table(
                names, comparison[name], lambda x: 'undefined' if x is None else f'{x:.3f}'
            ),
        ]
    for top in comparison['top']:
        parts += [
            f'## Shared among the best {top["k"]}',
            f'{top["expected"]:.3g} by chance.',
            _matrix_table(names, top['shared'], str),
        ]
    rows = []
    for name, best in comparison['best'].items():
        ranks = [str(best['ranks'][other]) for other in names]
        rows.append([f'best of {name}', *ranks, json.dumps(best['arch'])])
    parts += [
        "## Each one's best among them",
        _table(['', *(f'rank in {name}' for name in names), 'arch'], rows),
    ]
    return '\n\n'.join(parts)


def meta_differences(metas: Mapping[str, dict[str, Any]]) -> dict[str, list[Any]]:
    """The settings in which searches differ.

    Args:
        metas: Their ``meta`` by name.

    Returns:
        By setting (``task``, ``bn.group``, ...) the value of each, in the order of the names; None
        where one does not have it.
    """
    flat = [dict(_flatten(meta)) for meta in metas.values()]
    settings = dict.fromkeys(key for settings in flat for key in settings)
    values = {key: [settings.get(key) for settings in flat] for key in settings}
    return {key: row for key, row in values.items() if any(value != row[0] for value in row)}


def parse_top(top: Top, num: int) -> int:
    """Number of archs that ``10`` or ``'5%'`` of ``num`` are, a share rounded up.

    Raises:
        UserError: If it is neither, or there are fewer archs.
    """
    text = str(top)
    try:
        k = math.ceil(num * float(text[:-1]) / 100) if text.endswith('%') else int(text)
    except (ValueError, OverflowError) as error:
        raise UserError(f'top: {text!r} is neither a number, 10, nor a share, 5%') from error
    if not 1 <= k <= num:
        raise UserError(f'top: {text} is not in 1 to {num}, the archs in common, or 1% to 100%')
    return k


def _distances(result: Result) -> dict[str, float]:
    """Distances by arch as text, best first."""
    rows = sorted(result['subnets'], key=lambda row: row['distance'])
    return {arch_key(row['arch']): row['distance'] for row in rows}


def _ranks(table: dict[str, float], common: Sequence[str]) -> list[int]:
    """The rank of each common arch among these, from 1; of equals the file's first comes first."""
    wanted = set(common)
    ranks = {key: rank for rank, key in enumerate((key for key in table if key in wanted), 1)}
    return [ranks[key] for key in common]


def _matrix(function: Any, distances: np.ndarray) -> list[list[float | None]]:
    """A correlation of every two rows of (M, N): (M, M)."""
    constant = (distances == distances[:, :1]).all(1)
    return [
        [None if c or d else float(function(a, b).statistic) for b, d in zip(distances, constant)]
        for a, c in zip(distances, constant)
    ]


def _overlap(ranks: np.ndarray, k: int) -> dict[str, Any]:
    best = (ranks <= k).astype(int)  # (M, N)
    # k draws, each with a chance of k / N to be among the other's k
    return dict(k=k, shared=(best @ best.T).tolist(), expected=k * k / ranks.shape[1])


def _flatten(meta: dict[str, Any], prefix: str = '') -> list[tuple[str, Any]]:
    items = []
    for key, value in meta.items():
        if isinstance(value, dict):
            items += _flatten(value, f'{prefix}{key}.')
        else:
            items.append((f'{prefix}{key}', value))
    return items


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a file's text cannot end a cell or a line of it."""

    def cell(text: str) -> str:
        return ' '.join(text.replace('|', '/').split())

    return table([cell(text) for text in head], [[cell(text) for text in row] for row in rows])


def _matrix_table(names: list[str], values: list[list[Any]], text: Callable[[Any], str]) -> str:
    rows = [[name, *map(text, row)] for name, row in zip(names, values, strict=True)]
    return _table(['', *names], rows)


def _value_text(value: Any) -> str:
    """A setting as text; a digest is cut."""
    text = value if isinstance(value, str) else json.dumps(value)
    is_digest = len(text) == 64 and set(text) <= set('0123456789abcdef')
    return f'{text[:12]}...' if is_digest else text
