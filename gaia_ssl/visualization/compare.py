"""The picture of a comparison: the ranks of archs in one search against those in another."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gaia_ssl.utils.files import atomic_write

from .search import BEST, SUBNET

TOP = '#f3ecd8'


def plot_comparison(comparison: dict[str, Any], path: str) -> None:
    """Draw rank against rank for every two searches, each one's best marked, the top shaded.

    Args:
        comparison: What ``compare`` returns.
        path: The picture to write, e.g. ``compare.png``.
    """
    names = comparison['names']
    side = len(names) - 1
    size = 5.2 if side == 1 else 3.6 * side
    figure = Figure(figsize=(size, size + 0.5), layout='constrained')
    panels = figure.subplots(side, side, squeeze=False)
    # a row for each search but the first, a column for each but the last: the lower triangle
    for row in range(side):
        for column in range(side):
            axes = panels[row, column]
            if column > row:
                axes.remove()
                continue
            _draw(axes, comparison, column, row + 1)
            if row == side - 1:
                axes.set_xlabel(f'rank in {names[column]}'.replace('$', r'\$'))
            if column == 0:
                axes.set_ylabel(f'rank in {names[row + 1]}'.replace('$', r'\$'))
    handles = dict(zip(*reversed(panels[0, 0].get_legend_handles_labels())))
    legend = figure.legend(
        handles.values(), handles, loc='outside lower center', ncols=3, frameon=False, fontsize=9
    )
    for handle in legend.legend_handles:
        handle.set_alpha(1)  # many archs are faint
    with atomic_write(path, 'wb') as file:
        figure.savefig(file, dpi=150, format=path.rpartition('.')[2])


def _draw(axes: Axes, comparison: dict[str, Any], a: int, b: int) -> None:
    num, names = comparison['num_common'], comparison['names']
    ranks = comparison['ranks']
    axes.scatter(
        ranks[names[a]],
        ranks[names[b]],
        s=max(4, min(24, 12000 / num)),
        color=SUBNET,
        alpha=max(0.3, min(0.75, 1200 / num)),
        linewidths=0,
        label=f'{num} archs',
        rasterized=num > 2000,
    )
    best = [comparison['best'][names[i]]['ranks'] for i in (a, b)]
    axes.scatter(
        [row[names[a]] for row in best],
        [row[names[b]] for row in best],
        s=160,
        marker='*',
        color=BEST,
        edgecolor='white',
        label='the best of each',
        clip_on=False,
        zorder=3,
    )
    k = max((top['k'] for top in comparison['top']), default=0)
    if k:
        style = dict(color=TOP, zorder=0)
        axes.axvspan(0.5, k + 0.5, label=f'top {k} of each', **style)
        axes.axhspan(0.5, k + 0.5, **style)
    axes.set_xlim(0.5, num + 0.5)
    axes.set_ylim(0.5, num + 0.5)
    axes.set_aspect('equal')
    axes.set_title(
        ', '.join(
            f'{letter} {_text(comparison[name][a][b])}'
            for letter, name in (("Spearman's ρ", 'spearman'), ("Kendall's τ", 'kendall'))
        ),
        loc='left',
        fontsize=10,
    )
    axes.spines[['top', 'right']].set_visible(False)


def _text(value: float | None) -> str:
    return 'undefined' if value is None else f'{value:.2f}'
