"""Pictures of searches: distance against a cost."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from gaia_ssl.space.search_json import Result, costs_of
from gaia_ssl.space.units import unit_of
from gaia_ssl.utils import UserError
from gaia_ssl.utils.pareto import pareto_rows

from .costs import arch_text, axis_title, distance_title
from .figure import add_legend, plain, save_figure

SUBNET, FRONT, ANCHOR, BEST, BUDGET = '#4878a8', '#e08e2b', '#444444', '#d1495b', '#eaf1e5'
COLUMNS = 3


def plot_search(result: Result, path: str, x: str = 'flops') -> None:
    """Draw every subnet, the Pareto front, the anchors by name, the budget and the best subnet.

    Args:
        result: A search's result, as ``search.json`` holds it.
        path: The picture to write, e.g. ``distance.png``.
        x: The cost on the horizontal axis. Defaults to multiply-adds.

    Raises:
        UserError: If the result does not have that cost.
    """
    title = f'{result["meta"]["task"].capitalize()} search'
    plot_searches({title: result}, path, x)


def plot_searches(results: Mapping[str, Result], path: str, x: str = 'flops') -> None:
    """Draw several searches side by side, each as ``plot_search`` does.

    They share the horizontal axis, and the vertical one if all have the same task and distance.

    Args:
        results: The results by name.
        path: The picture to write.
        x: The cost on the horizontal axis. Defaults to multiply-adds.

    Raises:
        UserError: If a result does not have that cost.
    """
    for name, result in results.items():
        if x not in (costs := costs_of(result)):
            raise UserError(f'x: {name} has no {x}; it has {", ".join(costs)}')
    figure, panels = _make_panels(list(results.values()))
    unit = unit_of(x, max(_costs([*results.values()], x, 'subnets', 'anchors')))
    window = cost_window(
        _costs([*results.values()], x, 'subnets'), _costs([*results.values()], x, 'anchors')
    )
    for axes, (name, result) in zip(panels, results.items(), strict=True):
        axes.set_xlim(*(bound / unit.scale for bound in window))
        _draw(axes, result, x, unit.scale)
        _label(axes, name, result, axis_title(x, unit, result['meta']))
    add_legend(figure, panels)
    save_figure(figure, path)


def _make_panels(results: Sequence[Result]) -> tuple[Figure, list[Axes]]:
    """A figure with axes for each result, in rows of at most ``COLUMNS``."""
    columns = min(COLUMNS, len(results))
    lines = math.ceil(len(results) / columns)
    width = 8 if columns == 1 else 5.4 * columns
    figure = Figure(figsize=(width, 5.2 if lines == 1 else 4.6 * lines), layout='constrained')
    comparable = len({(r['meta']['task'], r['meta']['distance']) for r in results}) == 1
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=comparable).flat
    for axes in panels[len(results) :]:
        axes.remove()
    return figure, list(panels[: len(results)])


def _costs(results: Sequence[Result], x: str, *kinds: str) -> list[float]:
    """The costs of all subnets, anchors or both, whatever their search."""
    return [row[x] for result in results for kind in kinds for row in result[kind]]


def _label(axes: Axes, name: str, result: Result, x_title: str) -> None:
    """Add titles of the axes, and above them the search and its best arch."""
    meta = result['meta']
    axes.set_xlabel(x_title)
    axes.tick_params(labelbottom=True, labelleft=True)
    axes.set_ylabel(distance_title(meta))
    axes.set_title(
        plain(f'{name} on {meta["images_count"]} unlabeled images'),
        loc='left',
        fontsize=12,
        pad=24,
    )
    axes.annotate(
        plain(f'best: {arch_text(result["subnets"][0]["arch"])}'),
        (0, 1),
        xytext=(0, 8),
        xycoords='axes fraction',
        textcoords='offset points',
        fontsize=9,
        color=BEST,
    )


def _draw(axes: Axes, result: Result, x: str, scale: float) -> None:
    """Draw the subnets, the front, the best, the anchors and the budget of a search."""
    subnets, best = result['subnets'], result['subnets'][0]
    axes.scatter(
        *_points(subnets, x, scale),
        s=max(5, min(28, 4000 / len(subnets))),
        color=SUBNET,
        # faint where there are many, so that overlaps show where they are dense
        alpha=max(0.25, min(0.75, 400 / len(subnets))),
        linewidths=0,
        label='subnets',
        zorder=2,
        # as a vector file each would be a path
        rasterized=len(subnets) > 2000,
    )
    front = sorted(pareto_rows(subnets, [x]), key=lambda row: row[x])
    axes.plot(
        *_points(front, x, scale),
        color=FRONT,
        linewidth=1.5,
        marker='o',
        markersize=4,
        drawstyle='steps-post',
        label='Pareto front',
        zorder=3,
    )
    axes.scatter(
        *_points([best], x, scale),
        s=200,
        marker='*',
        color=BEST,
        edgecolor='white',
        linewidths=1,
        label='best',
        zorder=5,
    )
    axes.margins(y=0.1)
    _draw_anchors(axes, result['anchors'], x, scale)
    _shade_budget(axes, result['meta']['budget'].get(x), scale)
    axes.grid(color='#dddddd', linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)


def cost_window(subnets: Sequence[float], anchors: Sequence[float]) -> tuple[float, float]:
    """Bounds of the costs to show: the subnets' alone if anchors would press these together."""
    low, high = min(subnets), max(subnets)
    lowest, highest = min([low, *anchors]), max([high, *anchors])
    if high - low > (highest - lowest) / 8:
        low, high = lowest, highest
    # a single subnet has no extent
    margin = 0.08 * (high - low) or 0.1 * high or 1
    return low - margin, high + margin


def _draw_anchors(axes: Axes, anchors: list[dict[str, Any]], x: str, scale: float) -> None:
    """Draw the anchors in view as diamonds, and the others at the edge, with their values."""
    left, right = axes.get_xlim()
    style: dict[str, Any] = dict(facecolor='white', edgecolor=ANCHOR, linewidths=1.4, zorder=4)
    seen = [row for row in anchors if left <= row[x] / scale <= right]
    if seen:
        axes.scatter(*_points(seen, x, scale), s=44, marker='D', label='anchors', **style)
    for row in seen:
        _note(axes, row['name'], row[x] / scale, row['distance'], (0, 8), 'center')
    bottom, top = axes.get_ylim()
    ranked = sorted(anchors, key=lambda row: row['distance'])
    before = [row for row in ranked if row[x] / scale < left]
    after = [row for row in ranked if row[x] / scale > right]
    for beyond, edge, mark, offset, align in (
        (before, left, '<', 9, 'left'),
        (after, right, '>', -9, 'right'),
    ):
        heights = _spread([row['distance'] for row in beyond], bottom, top)
        for row, height in zip(beyond, heights):
            axes.scatter([edge], [height], s=44, marker=mark, clip_on=False, **style)
            text = f'{row["name"]} at {row[x] / scale:.3g}, {row["distance"]:.3g}'
            _note(axes, text, edge, height, (offset, 0), align)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)


def _spread(heights: Sequence[float], bottom: float, top: float) -> list[float]:
    """Move ascending heights into view and apart, so that the text beside them can be read."""
    gap = 0.05 * (top - bottom)
    placed: list[float] = []
    for height in heights:
        lowest = placed[-1] + gap if placed else bottom + gap
        placed.append(max(height, lowest))
    for index in reversed(range(len(placed))):
        highest = placed[index + 1] - gap if index + 1 < len(placed) else top - gap
        placed[index] = min(placed[index], highest)
    return placed


def _shade_budget(axes: Axes, interval: list[float | None] | None, scale: float) -> None:
    """Shade the costs within the budget, if it has a bound."""
    low, high = interval or (0, None)
    if not low and high is None:
        return
    # the band must not stretch the axis, and an open side reaches to its end
    left, right = axes.get_xlim()
    start = max(left, (low or 0) / scale)
    end = right if high is None else min(right, high / scale)
    axes.axvspan(start, end, color=BUDGET, zorder=0, label='budget')
    axes.set_xlim(left, right)


def _note(
    axes: Axes, text: str, x: float, y: float, offset: tuple[float, float], align: str
) -> None:
    axes.annotate(
        plain(text),
        (x, y),
        xytext=offset,
        textcoords='offset points',
        ha=align,
        va='baseline' if align == 'center' else 'center',
        fontsize=9,
        color=ANCHOR,
        zorder=6,
        path_effects=[withStroke(linewidth=2.5, foreground='white')],
    )


def _points(rows: Sequence[dict[str, Any]], x: str, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Costs (N,) and distances (N,) of rows."""
    table = np.array([(row[x] / scale, row['distance']) for row in rows])
    return table[:, 0], table[:, 1]
