"""Assemble a search's result and write it as ``search.json`` and ``search.csv``."""

import csv
import json
import os.path as osp
from collections.abc import Sequence
from typing import Any

import numpy as np

from gaia_ssl.space.search_json import FILE_NAME, Result
from gaia_ssl.utils.files import atomic_write

from .feasible import Candidate


def make_result(
    meta: dict[str, Any],
    subnets: Sequence[Candidate],
    anchors: dict[str, Candidate],
    scores: np.ndarray,
    weights: Sequence[float],
    images: np.ndarray | None = None,
) -> Result:
    """Make the result of a search from the scores.

    Args:
        meta: Everything needed to repeat the search.
        subnets: The candidates.
        anchors: The anchors, by name.
        scores: The terms of each candidate, then of each anchor, (candidates + anchors, terms).
        weights: The weight of each term in the distance.
        images: The images that each was scored on, (candidates + anchors,). Defaults to all.

    Returns:
        ``meta``; ``subnets``, best first (of equals the one with fewer multiply-adds first); and
        ``anchors``, in the space's order. Each has ``arch``, its costs and ``distance``, a sum of
        several terms also its ``terms``, and an anchor its ``name``. Where archs were scored on
        different images, their number is ``images``, and those with more come first.
    """
    rows = []
    for candidate, terms in zip([*subnets, *anchors.values()], scores.tolist(), strict=True):
        distance = sum(w * t for w, t in zip(weights, terms, strict=True))
        row = dict(arch=candidate.arch, **candidate.costs, distance=distance)
        rows.append(row | (dict(terms=terms) if len(terms) > 1 else {}))
    if images is not None:
        rows = [row | dict(images=int(number)) for row, number in zip(rows, images, strict=True)]
    ranked = sorted(
        rows[: len(subnets)],
        key=lambda row: (
            -row.get('images', 0),
            row['distance'],
            row['flops'],
            row['params'],
            json.dumps(row['arch']),
        ),
    )
    named = [
        dict(name=name, **row) for name, row in zip(anchors, rows[len(subnets) :], strict=True)
    ]
    return dict(meta=meta, subnets=ranked, anchors=named)


def save_result(result: Result, work_dir: str) -> None:
    """Write ``search.json`` and ``search.csv`` (anchors last, without a rank)."""
    columns = [k for k in result['subnets'][0] if k != 'arch'] + ['arch']
    with atomic_write(osp.join(work_dir, 'search.csv')) as file:
        writer = csv.DictWriter(file, ['rank', 'name', *columns], lineterminator='\n')
        writer.writeheader()
        for rank, row in enumerate(result['subnets'], 1):
            writer.writerow(dict(rank=rank, **_flat(row)))
        for row in result['anchors']:
            writer.writerow(_flat(row))
    with atomic_write(osp.join(work_dir, FILE_NAME)) as file:
        file.write(_json(result))


def _json(result: Result) -> str:
    """JSON with one line per subnet, for people and ``grep``."""
    meta = json.dumps(result['meta'], indent=1)
    tables = (f'"{name}": [\n{_lines(result[name])}\n]' for name in ('subnets', 'anchors'))
    return ',\n'.join([f'{{"meta": {meta}', *tables]) + '}\n'


def _lines(rows: list[dict[str, Any]]) -> str:
    return ',\n'.join(json.dumps(row, allow_nan=False) for row in rows)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in row.items()}
