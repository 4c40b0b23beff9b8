import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from gaia_ssl.utils import UserError
from gaia_ssl.visualization import plot_search, plot_searches
from gaia_ssl.visualization.search import ANCHOR, BEST, BUDGET, FRONT, SUBNET, cost_window


def pixels(path, color):
    """How many pixels of a picture have this colour."""
    with Image.open(path) as image:
        assert image.format == 'PNG' and image.width > 600
        data = np.asarray(image.convert('RGB')).astype(int)
    return int((abs(data - np.multiply(to_rgb(color), 255)) < 2).all(-1).sum())


@pytest.mark.parametrize(
    'scale, budget',
    [(10**6, [0, None]), (10**6, [3e6, 5e6]), (10**9, [3e6, None]), (10**9, [0, 5e6])],
)
def test_a_picture_for_every_budget(tmp_path, make_result, budget, scale):
    path = tmp_path / 'distance.png'
    plot_search(make_result(scale, budget), str(path))
    assert all(pixels(path, color) for color in (FRONT, ANCHOR, BEST))
    # one that lies below every subnet has no place in the picture
    seen = budget != [0, None] and not (scale == 10**9 and budget[1])
    assert (pixels(path, BUDGET) > 20_000) == seen
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize('x', ['params', 'memory', 'latency'])
def test_every_cost(tmp_path, make_result, x):
    path = tmp_path / 'search.png'
    plot_search(make_result(memory=10**5, latency=0.002), str(path), x)
    assert pixels(path, FRONT)


def test_a_cost_that_it_lacks(tmp_path, make_result):
    with pytest.raises(UserError, match='has no latency; it has flops, params'):
        plot_search(make_result(), str(tmp_path / 'search.png'), 'latency')
    assert not list(tmp_path.iterdir())


def test_several_side_by_side(tmp_path, make_result):
    path = tmp_path / 'searches.png'
    # what Matplotlib would read as a formula is shown as it is
    names = ['a', r'$\broken']
    plot_searches({name: make_result() for name in names}, str(path))
    one = tmp_path / 'one.png'
    plot_search(make_result(), str(one))
    assert pixels(path, BEST) > 1.5 * pixels(one, BEST)


def test_anchors_far_off_do_not_press_the_subnets_together(tmp_path, make_result):
    result = make_result()
    for row, flops in zip(result['anchors'], (10**9, 10)):
        row['flops'] = flops
    assert cost_window([2, 8], [1, 9]) == pytest.approx((0.36, 9.64))
    assert cost_window([2, 8], [1, 99]) == pytest.approx((1.52, 8.48))
    assert cost_window([5], [1, 99])[0] < 5 < cost_window([5], [1, 99])[1]
    plot_search(result, str(tmp_path / 'search.png'))
    with Image.open(tmp_path / 'search.png') as image:
        data = np.asarray(image.convert('RGB')).astype(int)
    blue = (abs(data - np.multiply(to_rgb(SUBNET), 255)) < 60).all(-1)
    columns = np.flatnonzero(blue.any(0))
    assert np.ptp(columns) > image.width / 2
