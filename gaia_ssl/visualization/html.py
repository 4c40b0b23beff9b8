"""Interactive pages of searches: single files that need no network."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gaia_ssl.space.search_json import costs_of
from gaia_ssl.space.units import unit_of
from gaia_ssl.utils.files import atomic_write
from gaia_ssl.utils.pareto import pareto_front

from .costs import axis_title, distance_title
from .search import cost_window

TEMPLATE = Path(__file__).with_name('search.html')


def write_html(result: dict[str, Any], path: str) -> None:
    """Write an interactive picture of a search.

    Pointing at a subnet shows its arch and costs, a click copies the arch's JSON or the command
    that extracts it; the horizontal axis, and the colour, is any of the costs, of the terms if the
    distance is a sum, and of the images of a race. The best are listed. Works from a disk, for
    every arch of a large space.

    Args:
        result: A search's result, as ``search.json`` holds it.
        path: The page to write, e.g. ``search.html``.
    """
    data = json.dumps(page_data(result), allow_nan=False, separators=(',', ':'))
    # '</script' would end the script that holds the data, and '<!--' change it: escape every '<'
    page = TEMPLATE.read_text(encoding='utf-8').replace('@DATA@', data.replace('<', r'\u003c'))
    with atomic_write(path, 'wb') as file:
        file.write(page.encode())


def page_data(result: dict[str, Any]) -> dict[str, Any]:
    """Data of the page.

    Returns:
        ``meta``, ``title``, ``note`` and ``distance_title``; ``archs`` and ``distance``, of the
        subnets by rank and then of the anchors, whose names are ``anchors``; and ``axes``, one per
        cost, per term of a sum, and for the images of a race, with its ``values`` in the same
        order, ``unit``, ``scale``, ``title``, ``budget``, the ``window`` to show first and the
        Pareto ``front``, indices from the least costly on; and ``extract``, what comes before and
        after an arch in the command that extracts it, or None if the paths are not known.
    """
    meta, subnets, anchors = (result[key] for key in ('meta', 'subnets', 'anchors'))
    rows = [*subnets, *anchors]
    return dict(
        meta=meta,
        title=f'{meta["task"].capitalize()} search on {meta["images_count"]} unlabeled images',
        note=f'{len(subnets)} subnets; images: {_names(meta.get("images"))}',
        distance_title=distance_title(meta),
        archs=[row['arch'] for row in rows],
        distance=[row['distance'] for row in rows],
        anchors=[row['name'] for row in anchors],
        axes=[
            *(_axis(cost, meta, rows, len(subnets)) for cost in costs_of(result)),
            *_term_axes(meta, rows, len(subnets)),
        ],
        extract=_extract(meta),
    )


def _axis(cost: str, meta: dict[str, Any], rows: list[dict[str, Any]], num: int) -> dict[str, Any]:
    """Data of one cost's axis; the first ``num`` rows are subnets."""
    values = [row[cost] for row in rows]
    unit = unit_of(cost, max(values))
    low, high = meta['budget'].get(cost) or (0, None)
    about = dict(cost=cost, unit=unit.name, scale=unit.scale, title=axis_title(cost, unit, meta))
    return dict(about, budget=[low or None, high], **_drawn(values, rows, num))


def _term_axes(
    meta: dict[str, Any], rows: list[dict[str, Any]], num: int
) -> Iterator[dict[str, Any]]:
    """Data of an axis for each term of a sum, and for the images if there was a race."""
    for index, term in enumerate(meta.get('distances', [])):
        if all('terms' in row for row in rows):
            name = term['type'].removeprefix(f'{meta["task"]}_')
            yield _plain_axis(name, name, [row['terms'][index] for row in rows], rows, num)
    if all('images' in row for row in rows):
        title = 'images that it was scored on'
        yield _plain_axis('images', title, [row['images'] for row in rows], rows, num)


def _plain_axis(
    name: str, title: str, values: list[float], rows: list[dict[str, Any]], num: int
) -> dict[str, Any]:
    """Data of an axis without a unit."""
    about = dict(cost=name, unit='', scale=1, title=title, budget=[None, None])
    return dict(about, **_drawn(values, rows, num))


def _names(images: str | list[str] | None) -> str:
    return ', '.join([images] if isinstance(images, str) else images or ['unknown'])


def _extract(meta: dict[str, Any]) -> list[str] | None:
    """The command that extracts an arch, up to it and after it."""
    if not all(isinstance(meta.get(name), str) for name in ('config', 'checkpoint')):
        return None
    paths = shlex.join([meta['config'], meta['checkpoint']])
    weights = ' --weights ema' if meta.get('weights') == 'ema' else ''
    after = f' --input-size {meta["input_size"]}{weights} --out work_dirs/subnet'
    return [f'python tools/extract.py {paths} --arch ', after]


def _drawn(values: list[float], rows: list[dict[str, Any]], num: int) -> dict[str, Any]:
    """The values on an axis, the window to show first and the front."""
    front = pareto_front(
        [(value, row['distance']) for value, row in zip(values[:num], rows[:num], strict=True)]
    )
    return dict(
        values=values,
        window=cost_window(values[:num], values[num:]),
        front=sorted(front.tolist(), key=lambda i: (values[i], rows[i]['distance'])),
    )
