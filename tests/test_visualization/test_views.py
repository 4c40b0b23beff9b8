"""Sheets of the views that a training sees."""

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from gaia_ssl.datasets.views import TrainingViews
from gaia_ssl.utils import UserError
from gaia_ssl.visualization import views
from gaia_ssl.visualization.views import plot_views

CROP = dict(type='mmpretrain.RandomResizedCrop', scale=24)
RED = (200, 40, 10)


@pytest.fixture
def figures(monkeypatch):
    """The figures that are saved, in order."""
    saved = []
    save = views.save_figure
    monkeypatch.setattr(
        views, 'save_figure', lambda figure, path: (saved.append(figure), save(figure, path))
    )
    return saved


@pytest.fixture
def make_config(tmp_path):
    """Makes a config that trains on views of five red images; the first is half white."""
    folder = tmp_path / 'images'
    folder.mkdir()
    for index in range(5):
        pixels = np.full((40, 30, 3), RED, np.uint8)
        pixels[:, :15] = 255 if index == 0 else RED
        Image.fromarray(pixels).save(folder / f'{index}.png')

    def make(num_views=2, transforms=([CROP],)):
        pipeline = [
            dict(type='LoadAnyImage'),
            dict(type='mmpretrain.MultiView', num_views=num_views, transforms=list(transforms)),
            dict(type='mmpretrain.PackInputs'),
        ]
        dataset = dict(type='TrainingImages', data_prefix=str(folder), pipeline=pipeline)
        return Config(dict(default_scope='gaia_ssl', train_dataloader=dict(dataset=dataset)))

    return make


def drawn(axes):
    return np.asarray(axes.images[0].get_array())


def test_a_row_is_an_image_and_draws_of_its_views(make_config, figures, tmp_path):
    config, path = make_config(), tmp_path / 'new' / 'views.png'
    plot_views(config, str(path), num=3)
    with Image.open(path) as image:
        assert image.format == 'PNG'
    axes = np.reshape(figures[0].axes, (3, 7))
    assert [row[0].get_ylabel() for row in axes] == ['0.png', '2.png', '4.png']
    titles = [axis.get_title() for axis in axes[0]]
    assert titles[:3] == ['image', 'draw 1, view 1, 24x24', 'draw 1, view 2, 24x24']
    assert titles[-1] == 'draw 3, view 2, 24x24'
    assert (drawn(axes[1, 0]) == RED).all() and drawn(axes[0, 0]).shape == (40, 30, 3)
    assert all((drawn(axis) == RED).all() for axis in axes[1])  # not BGR
    given = TrainingViews(config)
    for draw in range(3):
        for view, axis in zip(given.sample(0, draw)['inputs'], axes[0, 1 + 2 * draw :]):
            assert (drawn(axis) == view.numpy()[::-1].transpose(1, 2, 0)).all()
    assert len({drawn(axis).tobytes() for axis in axes[0, 1:]}) > 3


@pytest.mark.parametrize(
    'num_views, columns, last',
    [([1], 6, 'draw 6, 24x24'), ([2, 5], 7, 'draw 1, view 7, 16x16')],
)
def test_the_fewer_views_the_more_draws(make_config, figures, tmp_path, num_views, columns, last):
    crops = [[CROP], [dict(CROP, scale=16)]]
    config = make_config(num_views, crops[: len(num_views)])
    plot_views(config, str(tmp_path / 'views.png'), num=9)
    axes = np.reshape(figures[0].axes, (5, 1 + columns))
    assert axes[0, -1].get_title() == last


def test_mistakes(make_config, tmp_path):
    config, path = make_config(transforms=[[dict(type='CenterCrop', crop_size='a')]]), 'views.png'
    with pytest.raises(UserError, match='^num: 0 images'):
        plot_views(config, path, num=0)
    with pytest.raises(UserError, match='^out: views.doc does not end in'):
        plot_views(config, 'views.doc')
    with pytest.raises(UserError, match='^train_dataloader.dataset'):
        plot_views(config, str(tmp_path / path))
    assert not (tmp_path / path).exists()
