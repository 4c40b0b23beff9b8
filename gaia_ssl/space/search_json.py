"""Read ``search.json`` files, which list the archs that searches scored."""

import json
import math
import os.path as osp
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from gaia_ssl.utils.errors import UserError

from .budget import COSTS

Result = dict[str, Any]
"""``{'meta': {...}, 'subnets': [...], 'anchors': [...]}``, see ``load_result``."""

FILE_NAME = 'search.json'


def load_result(path: str) -> Result:
    """Read a ``search.json``.

    Args:
        path: The file, or the folder that holds it.

    Returns:
        ``meta``, everything needed to repeat the search; ``subnets``, best first; and
        ``anchors``, each with its ``name``. A subnet or anchor has its ``arch``, its costs and
        its ``distance``.

    Raises:
        UserError: If the file is missing, is not a search result, or has a broken row.
    """
    path = result_file(path)
    if not osp.isfile(path):
        raise UserError(f'{path} does not exist; search first')
    with open(path, 'rb') as file:
        text = file.read()
    try:
        result = json.loads(text)
    except ValueError as error:
        raise UserError(f'{path}: not valid JSON ({error})') from error
    _check(result, path)
    return result


def result_file(path: str) -> str:
    """The ``search.json`` that a path means: the one in a folder, or the path itself."""
    return osp.join(path, FILE_NAME) if osp.isdir(path) else path


def load_results(paths: Sequence[str]) -> dict[str, Result]:
    """Read several ``search.json`` files.

    Args:
        paths: The files, all different.

    Returns:
        The results by name, in the order of the paths; see ``short_names``.

    Raises:
        UserError: If a file is missing, is not a search result, or is given twice.
    """
    results = {}
    for name, path in zip(short_names(paths), paths, strict=True):
        if name in results:
            raise UserError(f'{path} is given twice; give different searches')
        results[name] = load_result(path)
    return results


def short_names(paths: Sequence[str]) -> list[str]:
    """The parts of paths in which they differ.

    It is ``['global', 'dense']`` for ``['runs/global/search.json', 'runs/dense/search.json']``.
    The path of a single file is named by its folder, or by itself if it is not ``search.json``.
    """
    whole = [Path(path).resolve().with_suffix('').parts for path in paths]
    if len(whole) == 1:
        (*_, folder, file) = whole[0]
        return [folder if file == 'search' else file]
    # cut the parts that all share at both ends, but leave each path at least one part
    start = _shared([parts[:-1] for parts in whole])
    end = _shared([parts[:start:-1] for parts in whole])
    return ['/'.join(parts[start : len(parts) - end]) for parts in whole]


def costs_of(result: Result) -> list[str]:
    """The costs that every row of a result has, in the order of ``COSTS``."""
    rows = [*result['subnets'], *result['anchors']]
    return [name for name in COSTS if all(name in row for row in rows)]


def _shared(parts: Sequence[Sequence[str]]) -> int:
    """The number of leading items that the sequences share."""
    columns = [len(set(column)) == 1 for column in zip(*parts)]
    return (columns + [False]).index(False)


def _check(result: Any, path: str) -> None:
    """Raise ``UserError`` unless a file holds a result."""
    kinds = dict(meta=dict, subnets=list, anchors=list)
    if not isinstance(result, dict) or not all(
        isinstance(result.get(key), kind) for key, kind in kinds.items()
    ):
        raise UserError(f'{path} is not the result of a search')
    if not result['subnets']:
        raise UserError(f'{path} holds no subnet; search again')
    for key in ('subnets', 'anchors'):
        for number, row in enumerate(result[key], 1):
            if wrong := _wrong(row, named=key == 'anchors'):
                raise UserError(
                    f'{path}: {key.removesuffix("s")} {number} has no proper {wrong}; search again'
                )


def _wrong(row: Any, named: bool) -> str | None:
    """The first field of a row that is missing or of the wrong type."""
    if not isinstance(row, dict):
        return 'row'
    if not isinstance(row.get('arch'), dict):
        return 'arch'
    if named and not isinstance(row.get('name'), str):
        return 'name'
    numbers = ('distance', 'flops', 'params', *(name for name in COSTS[2:] if name in row))
    for name in numbers:
        value = row.get(name)
        if not isinstance(value, Real) or not math.isfinite(value):
            return name
    return None
