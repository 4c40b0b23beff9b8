from matplotlib.figure import Figure
from PIL import Image

from gaia_ssl.visualization.figure import add_legend, plain, save_figure


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
