"""Matplotlib helpers: legends, saving, and text that is not read as a formula."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gaia_ssl.utils.files import atomic_write


def add_legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """Add a legend below the panels, with each label of theirs once."""
    handles: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels()):
            handles.setdefault(label, handle)
    legend = figure.legend(
        list(handles.values()),
        list(handles),
        loc='outside lower center',
        ncols=len(handles),
        frameon=False,
        fontsize=9,
    )
    for shown in legend.legend_handles:
        if shown is not None:
            shown.set_alpha(1)  # many points are faint


def save_figure(figure: Figure, path: str) -> None:
    """Write a figure to a file whose ending is its format."""
    with atomic_write(path, 'wb') as file:
        figure.savefig(file, dpi=150, format=path.rpartition('.')[2])


def plain(text: str) -> str:
    """Text that Matplotlib does not read as a formula, and can draw if it is not UTF-8."""
    return text.replace('$', r'\$').encode(errors='backslashreplace').decode()
