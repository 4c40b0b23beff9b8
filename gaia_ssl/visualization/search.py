"""The picture of a search: distance against multiply-adds."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gaia_ssl.utils.files import atomic_write

SUBNET, ANCHOR, BEST, BUDGET = '#4878a8', '#444444', '#d1495b', '#eef3ea'


def plot_search(result: dict[str, Any], path: str) -> None:
    """Draw every subnet, the anchors by name, the budget shaded and the best subnet marked.

    Args:
        result: A search's result, as ``search.json`` holds it.
        path: The picture to write, e.g. ``distance.png``.
    """
    meta, subnets, anchors = result['meta'], result['subnets'], result['anchors']
    scale, unit = _unit(max(row['flops'] for row in (*subnets, *anchors)))
    figure = Figure(figsize=(8, 5), layout='constrained')
    axes = figure.add_subplot()

    axes.scatter(
        [row['flops'] / scale for row in subnets],
        [row['distance'] for row in subnets],
        s=max(6, min(28, 4000 / len(subnets))),
        color=SUBNET,
        alpha=0.75,
        linewidths=0,
        label=f'{len(subnets)} subnets',
        zorder=2,
    )
    axes.scatter(
        [row['flops'] / scale for row in anchors],
        [row['distance'] for row in anchors],
        s=44,
        marker='D',
        facecolor='white',
        edgecolor=ANCHOR,
        linewidths=1.4,
        label='anchors',
        zorder=3,
    )
    for row in anchors:
        _note(axes, row['name'], row['flops'] / scale, row['distance'], ANCHOR)
    best = subnets[0]
    axes.scatter(
        [best['flops'] / scale],
        [best['distance']],
        s=230,
        marker='*',
        color=BEST,
        edgecolor='white',
        linewidths=1,
        label=f'best: {_arch_text(best["arch"])}',
        zorder=4,
    )

    axes.set_xlabel(f'{unit}FLOPs (multiply-adds) of the backbone at {meta["input_size"]} px')
    axes.set_ylabel(f'{meta["task"]} {meta["distance"]} distance from MAX (lower is better)')
    axes.set_title(
        f'{meta["task"].capitalize()} search on {meta["images_count"]} unlabeled images',
        loc='left',
        fontsize=12,
    )
    axes.margins(x=0.08, y=0.1)
    _shade_budget(axes, meta['budget']['flops'], scale)
    axes.grid(color='#dddddd', linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)
    figure.legend(loc='outside lower center', ncols=4, frameon=False, fontsize=9)
    with atomic_write(path, 'wb') as file:
        figure.savefig(file, dpi=150, format=path.rpartition('.')[2])


def _shade_budget(axes: Axes, interval: list[float | None], scale: float) -> None:
    low, high = interval
    if not low and high is None:
        return
    # the band must not stretch the axis, and an open side reaches to its end
    left, right = axes.get_xlim()
    start = max(left, low / scale)
    end = right if high is None else min(right, high / scale)
    axes.axvspan(start, end, color=BUDGET, zorder=0, label='budget')
    axes.set_xlim(left, right)


def _note(axes: Axes, text: str, x: float, y: float, color: str) -> None:
    axes.annotate(
        text,
        (x, y),
        xytext=(0, 8),
        textcoords='offset points',
        ha='center',
        fontsize=9,
        color=color,
        zorder=5,
    )


def _arch_text(arch: dict[str, Any]) -> str:
    """``stem_width 12, width 16-32-64-128, depth 2-3-3-2``."""
    return ', '.join(
        f'{name} {"-".join(map(str, value)) if isinstance(value, list) else value}'
        for name, value in arch.items()
    )


def _unit(flops: float) -> tuple[float, str]:
    return (1e9, 'G') if flops >= 1e9 else (1e6, 'M')
