import pytest
from matplotlib.figure import Figure
from PIL import Image

from gaia_ssl.utils import UserError
from gaia_ssl.visualization.figure import (
    add_legend,
    grid,
    name_row,
    plain,
    prepare_picture,
    save_figure,
    show_image,
)


def test_a_legend_names_each_label_once(tmp_path):
    figure = Figure()
    panels = list(figure.subplots(1, 2))
    for axes in panels:
        axes.plot([1, 2], label='both', alpha=0.1)
    panels[1].plot([2, 1], label='second')
    add_legend(figure, panels)
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ['both', 'second']
    assert [handle.get_alpha() for handle in legend.legend_handles] == [1, 1]
    save_figure(figure, str(tmp_path / 'a.png'))
    with Image.open(tmp_path / 'a.png') as image:
        assert image.format == 'PNG'


def test_dollars_are_no_formula():
    assert plain('$a$') == r'\$a\$'


def test_a_grid_of_images(tmp_path):
    figure, rows = grid(('first', 'second'), 3)
    assert rows.shape == (2, 3) and [row[0].get_ylabel() for row in rows] == ['first', 'second']
    show_image(rows[0, 1], Image.new('RGB', (2000, 1000)))
    assert rows[0, 1].images[0].get_array().shape == (128, 256, 3)
    name_row(rows[1, 0], '/folder/a$b.png')
    name_row(rows[0, 0], f'{"long" * 20}.png')
    assert rows[1, 0].get_ylabel() == r'a\$b.png'
    assert rows[0, 0].get_ylabel() == f'…{"long" * 5}.png'
    save_figure(figure, str(tmp_path / 'grid.png'))


def test_a_picture_is_prepared_before_the_work(tmp_path):
    prepare_picture(str(tmp_path / 'new' / 'a.svg'))
    assert (tmp_path / 'new').is_dir()
    with pytest.raises(UserError, match='^out: a.txt does not end in a format'):
        prepare_picture('a.txt')
