"""Pictures of images beside their nearest neighbours by features."""

from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.datasets.decoding import read_image
from gaia_ssl.utils import UserError

from .figure import grid, name_row, prepare_picture, save_figure, show_image


def plot_neighbours(
    features: Tensor, images: Sequence[str], path: str, num: int = 8, neighbours: int = 6
) -> None:
    """Draw images, one per row, each followed by the others of the highest cosine similarity.

    The similarity is written below each. The images that are asked for are spread evenly over all.

    Args:
        features: One vector per image, (N, D), such as ``extract_features`` gives.
        images: Their files.
        path: The picture to write, e.g. ``neighbours.png``.
        num: Number of images to ask for, at most. Defaults to 8.
        neighbours: Number of neighbours, at most. Defaults to 6.

    Raises:
        UserError: If a number is not positive, there is a single image, one cannot be read, or the
            picture has another format.
    """
    for field, value in dict(num=num, neighbours=neighbours).items():
        if value < 1:
            raise UserError(f'{field}: {value} is too few; give 1 or more')
    if len(images) < 2:
        raise UserError('images: one alone has no neighbour; give more')
    prepare_picture(path)
    queries = np.linspace(0, len(images) - 1, min(num, len(images))).astype(int).tolist()
    found, similarities = nearest(features, queries, neighbours)
    figure, panels = grid([''] * len(queries), 1 + found.size(1))
    for axes, title in zip(panels[0], ['image', 'neighbours']):
        axes.set_title(title, fontsize=7, loc='left')
    for line, query, others, values in zip(panels, queries, found.tolist(), similarities.tolist()):
        name_row(line[0], images[query])
        for axes, index in zip(line, [query, *others], strict=True):
            show_image(axes, read_image(images[index])[0])
        for axes, value in zip(line[1:], values, strict=True):
            axes.set_xlabel(f'cosine {value:.3f}', fontsize=7)
    save_figure(figure, path)


def nearest(features: Tensor, queries: Sequence[int], num: int) -> tuple[Tensor, Tensor]:
    """Find the nearest neighbours of some images among the others by cosine similarity.

    Args:
        features: One vector per image, (N, D).
        queries: Indices of Q images.
        num: Neighbours of each; at most N - 1 are found.

    Returns:
        Indices of the neighbours, nearest first, and their similarities, each (Q, K).
    """
    directions = F.normalize(features.float(), dim=1)
    similarities = directions[queries] @ directions.T  # (Q, D) @ (D, N) -> (Q, N)
    similarities[range(len(queries)), queries] = -float('inf')  # an image is not its own neighbour
    values, indices = similarities.topk(min(num, len(features) - 1))
    return indices, values
