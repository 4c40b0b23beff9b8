"""Results of several searches, checked and told apart by short names."""

from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from gaia_ssl.space import COSTS
from gaia_ssl.utils import UserError

from .results import Result, load_result


def load_results(paths: Sequence[str]) -> dict[str, Result]:
    """Read ``search.json`` files.

    Args:
        paths: The files, all different.

    Returns:
        The results by name, in the order of the paths; see ``short_names``.

    Raises:
        UserError: If a file is missing, is no result, or is given twice.
    """
    results = {}
    for name, path in zip(short_names(paths), paths, strict=True):
        if name in results:
            raise UserError(f'{path} is given twice; give different searches')
        results[name] = load_result(path)
        _check(results[name], path)
    return results


def short_names(paths: Sequence[str]) -> list[str]:
    """The parts of paths in which they differ: ``['global', 'dense']`` for
    ``['work_dirs/global/search.json', 'work_dirs/dense/search.json']``.

    The path of a single file is named by its folder, or by itself if it is not ``search.json``.
    """
    whole = [Path(path).resolve().with_suffix('').parts for path in paths]
    if len(whole) == 1:
        (*_, folder, file) = whole[0]
        return [folder if file == 'search' else file]
    # what they share on the left and on the right, but for one part that each keeps
    start = _shared([parts[:-1] for parts in whole])
    end = _shared([parts[:start:-1] for parts in whole])
    return ['/'.join(parts[start : len(parts) - end]) for parts in whole]


def costs_of(result: Result) -> list[str]:
    """The costs that every row of a result has, in the order of ``COSTS``."""
    rows = [*result['subnets'], *result['anchors']]
    return [name for name in COSTS if all(name in row for row in rows)]


def _shared(parts: Sequence[Sequence[str]]) -> int:
    """How many items the sequences have in common at the start."""
    columns = [len(set(column)) == 1 for column in zip(*parts)]
    return (columns + [False]).index(False)


def _check(result: Result, path: str) -> None:
    meta, subnets, anchors = (result[key] for key in ('meta', 'subnets', 'anchors'))
    if not (isinstance(meta, dict) and isinstance(subnets, list) and isinstance(anchors, list)):
        raise UserError(f'{path} is not the result of a search')
    if not subnets:
        raise UserError(f'{path} holds no subnet; search again')
    for kind, rows in (('subnet', subnets), ('anchor', anchors)):
        for number, row in enumerate(rows, 1):
            if wrong := _wrong(row, named=kind == 'anchor'):
                raise UserError(f'{path}: {kind} {number} has no proper {wrong}; search again')


def _wrong(row: Any, named: bool) -> str | None:
    """The first field of a row that is missing or not of its kind."""
    if not isinstance(row, dict):
        return 'row'
    if not isinstance(row.get('arch'), dict):
        return 'arch'
    if named and not isinstance(row.get('name'), str):
        return 'name'
    numbers = ('distance', 'flops', 'params', *(name for name in COSTS[2:] if name in row))
    for name in numbers:
        value = row.get(name)
        if not isinstance(value, Real) or not np.isfinite(value):
            return name
    return None
