"""Pictures of comparisons: ranks of archs in one search against ranks in another."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .figure import add_legend, plain, save_figure
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
                axes.set_xlabel(plain(f'rank in {names[column]}'))
            if column == 0:
                axes.set_ylabel(plain(f'rank in {names[row + 1]}'))
    add_legend(figure, [panels[0, 0]])
    save_figure(figure, path)


def _draw(axes: Axes, comparison: dict[str, Any], a: int, b: int) -> None:
    """Draw the ranks of search ``b`` against those of search ``a``."""
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
        axes.axvspan(0.5, k + 0.5, label=f'top {k} of each', color=TOP, zorder=0)
        axes.axhspan(0.5, k + 0.5, color=TOP, zorder=0)
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
