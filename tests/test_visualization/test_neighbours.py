"""Images beside those of similar features."""

import numpy as np
import pytest
import torch
from PIL import Image

from gaia_ssl.utils import UserError
from gaia_ssl.visualization import neighbours
from gaia_ssl.visualization.neighbours import nearest, plot_neighbours


def test_nearest_are_those_of_the_smallest_angle():
    angles = torch.tensor([0.0, 0.5, 0.1, 3.0])
    # lengths do not count
    features = torch.stack([angles.cos(), angles.sin()], 1) * torch.tensor([[1], [9], [1], [5]])
    found, similarities = nearest(features, [0, 3], num=2)
    assert found.tolist() == [[2, 1], [1, 2]]
    expected = torch.tensor([[0.1, 0.5], [2.5, 2.9]]).cos()
    assert torch.allclose(similarities, expected, atol=1e-6)
    assert nearest(features, [0], num=9)[0].tolist() == [[2, 1, 3]]


def test_equal_images_are_neighbours_but_none_is_its_own():
    found, similarities = nearest(torch.ones(3, 2), [0, 1, 2], num=5)
    assert [sorted(row) for row in found.tolist()] == [[1, 2], [0, 2], [0, 1]]
    assert torch.allclose(similarities, torch.ones(3, 2))


@pytest.fixture
def images(tmp_path):
    """Five images, each of its own gray."""
    paths = [str(tmp_path / f'{index}.png') for index in range(5)]
    for index, path in enumerate(paths):
        Image.new('RGB', (8, 6), (index,) * 3).save(path)
    return paths


def test_rows_are_queries_and_their_neighbours(images, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(neighbours, 'save_figure', lambda figure, path: saved.append(figure))
    angles = torch.tensor([0.0, 0.1, 0.3, 0.6, 1.0])
    features = torch.stack([angles.cos(), angles.sin()], 1)
    plot_neighbours(features, images, str(tmp_path / 'out.png'), num=3, neighbours=2)
    axes = np.reshape(saved[0].axes, (3, 3))
    shown = [[axis.images[0].get_array()[0, 0, 0] for axis in row] for row in axes]
    assert shown == [[0, 1, 2], [2, 1, 3], [4, 3, 2]]
    assert [row[0].get_ylabel() for row in axes] == ['0.png', '2.png', '4.png']
    assert [axis.get_xlabel() for axis in axes[0]] == ['', 'cosine 0.995', 'cosine 0.955']


def test_the_picture(images, tmp_path):
    path = tmp_path / 'new' / 'out.png'
    plot_neighbours(torch.rand(5, 3), images, str(path))
    assert path.read_bytes().startswith(b'\x89PNG')


def test_mistakes(images, tmp_path):
    features = torch.rand(5, 3)
    with pytest.raises(UserError, match='^num: 0 is too few'):
        plot_neighbours(features, images, 'out.png', num=0)
    with pytest.raises(UserError, match='^neighbours: -1 is too few'):
        plot_neighbours(features, images, 'out.png', neighbours=-1)
    with pytest.raises(UserError, match='^images: one alone'):
        plot_neighbours(features[:1], images[:1], 'out.png')
    with pytest.raises(UserError, match='^out: out.doc does not end in'):
        plot_neighbours(features, images, 'out.doc')
