"""Pictures of a training's course: losses, health of the embeddings, kNN and linear probes."""

import math
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gaia_ssl.utils import UserError
from gaia_ssl.utils.scalars import read_series

from .figure import plain, prepare_picture, save_figure

PANELS = {
    'loss': ('loss',),
    'spread of embeddings': ('embed_std_',),
    'effective rank of embeddings': ('embed_rank_',),
    'top-1 (%)': ('val/knn_', 'val/linear_'),
}
"""Titles, and what the names of the scalars begin with."""
COLUMNS = 2
FEW = 30


def plot_training(work_dir: Path | str, path: str) -> None:
    """Draw the curves of a training, those of a resumed one joined.

    Losses, and what ``SubnetHealthHook`` and ``KNNHook`` log, have a panel each where there are
    any.

    Args:
        work_dir: The training's folder.
        path: The picture to write, e.g. ``training.png``.

    Raises:
        UserError: If the folder has no log of a training, or the picture has another format.
    """
    prepare_picture(path)
    series = read_series(work_dir)
    panels = {}
    for title, starts in PANELS.items():
        if names := [name for name in series if name.startswith(starts)]:
            panels[title] = {name: series[name] for name in names}
    if not panels:
        raise UserError(f'work_dir: {work_dir} has no log of losses; give the folder of a training')
    columns = min(COLUMNS, len(panels))
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(5.6 * columns, 3.4 * lines), layout='constrained')
    axes = figure.subplots(lines, columns, squeeze=False, sharex=True).flat
    for panel, (title, curves) in zip(axes, panels.items()):
        _draw(panel, title, curves)
    for panel in axes[len(panels) :]:
        panel.remove()
    save_figure(figure, path)


def _draw(axes: Axes, title: str, curves: dict[str, list[tuple[int, float]]]) -> None:
    for name, points in curves.items():
        steps, values = zip(*points)
        mark = 'o' if len(points) <= FEW else ''
        label = plain(name.removeprefix('val/'))
        axes.plot(steps, values, label=label, linewidth=1.3, marker=mark, markersize=3)
    axes.set_title(title, loc='left', fontsize=10)
    axes.set_xlabel('iteration')
    axes.tick_params(labelbottom=True)
    axes.legend(frameon=False, fontsize=8)
    axes.grid(color='#dddddd', linewidth=0.6)
    axes.spines[['top', 'right']].set_visible(False)
