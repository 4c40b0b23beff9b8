"""Pictures of the augmented views that a training is going to see."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL.Image
from mmengine.config import Config
from torch import Tensor

from gaia_ssl.datasets.decoding import read_image
from gaia_ssl.datasets.views import TrainingViews
from gaia_ssl.utils import UserError, building

from .figure import grid, name_row, prepare_picture, save_figure, show_image

COLUMNS = 6


def plot_views(config: Config, path: str, num: int = 8) -> None:
    """Draw images of a training, one per row, each followed by several draws of its views.

    The views are those that the network is given, before their normalisation. The images are
    spread evenly over the dataset.

    Args:
        config: The training config.
        path: The picture to write, e.g. ``views.png``.
        num: Number of images, at most. Defaults to 8.

    Raises:
        UserError: If the number is not positive, the picture has another format, the data are
            missing, an image cannot be read or a transform fails.
    """
    if num < 1:
        raise UserError(f'num: {num} images; give 1 or more')
    prepare_picture(path)
    rows = _draw_samples(config, num)
    figure, panels = grid([''] * len(rows), 1 + sum(len(s['inputs']) for s in rows[0]))
    for axes, title in zip(panels[0], ['image', *_titles(rows[0])], strict=True):
        axes.set_title(title, fontsize=7)
    for line, samples in zip(panels, rows, strict=True):
        # data that were never files have no path
        if source := samples[0]['data_samples'].get('img_path'):
            show_image(line[0], read_image(source)[0])
            name_row(line[0], source)
        views = [view for sample in samples for view in sample['inputs']]
        for axes, view in zip(line[1:], views, strict=True):
            show_image(axes, _image(view))
    save_figure(figure, path)


def _draw_samples(config: Config, num: int) -> list[list[dict[str, Any]]]:
    """Some draws of each of up to ``num`` images, as ``TrainingViews.sample`` gives them."""
    views = TrainingViews(config)
    indices = np.linspace(0, len(views) - 1, min(num, len(views))).astype(int).tolist()
    with building('train_dataloader.dataset', config.train_dataloader.dataset):
        draws = max(1, COLUMNS // len(views.sample(0)['inputs']))
        return [[views.sample(index, draw) for draw in range(draws)] for index in indices]


def _titles(samples: list[dict[str, Any]]) -> Iterator[str]:
    """Titles of the views of one image, such as ``draw 1, view 2, 24x24``."""
    for draw, sample in enumerate(samples, 1):
        several = len(sample['inputs']) > 1
        for number, view in enumerate(sample['inputs'], 1):
            name = f'draw {draw}, view {number}' if several else f'draw {draw}'
            yield f'{name}, {view.shape[2]}x{view.shape[1]}'


def _image(view: Tensor) -> PIL.Image.Image:
    """An image of a view (C, H, W), which OpenMMLab's transforms leave in BGR."""
    return PIL.Image.fromarray(view.numpy()[::-1].transpose(1, 2, 0).astype(np.uint8))
