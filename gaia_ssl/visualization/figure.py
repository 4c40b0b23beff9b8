"""Matplotlib helpers: legends, grids of images, files, and text that is no formula."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL.Image import Image

from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import atomic_write

SIDE = 256
NAME = 24


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


def grid(names: Sequence[str], columns: int) -> tuple[Figure, np.ndarray]:
    """A figure with a row of axes for each name: the figure, and axes (rows, columns)."""
    figure = Figure(figsize=(1.9 * columns, 1.9 * len(names) + 0.4), layout='constrained')
    rows = figure.subplots(len(names), columns, squeeze=False)
    for axes in rows.flat:
        axes.set_xticks([])
        axes.set_yticks([])
    for name, row in zip(names, rows):
        row[0].set_ylabel(name)
    return figure, rows


def show_image(axes: Axes, image: Image) -> None:
    """Draw an image, in place, no larger than a picture needs."""
    image.thumbnail((SIDE, SIDE))
    axes.imshow(np.asarray(image))


def name_row(axes: Axes, path: str) -> None:
    """Write the end of an image's path beside its row."""
    name = os.path.basename(path)
    axes.set_ylabel(plain(name if len(name) <= NAME else f'…{name[-NAME:]}'), fontsize=6)


def prepare_picture(path: str) -> None:
    """Check the format of a picture and make its folder, before the work that it shows.

    Raises:
        UserError: If the ending of the path is no format that can be written.
    """
    formats = Figure().canvas.get_supported_filetypes()
    if path.rpartition('.')[2] not in formats:
        raise UserError(f'out: {path} does not end in a format such as .png, .pdf or .svg')
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)


def save_figure(figure: Figure, path: str) -> None:
    """Write a figure to a file whose ending is its format."""
    with atomic_write(path, 'wb') as file:
        figure.savefig(file, dpi=150, format=path.rpartition('.')[2])


def plain(text: str) -> str:
    """Text that Matplotlib does not read as a formula, and can draw if it is not UTF-8."""
    return text.replace('$', r'\$').encode(errors='backslashreplace').decode()
