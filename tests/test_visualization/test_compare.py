import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from gaia_ssl.search.compare import compare
from gaia_ssl.visualization import plot_comparison
from gaia_ssl.visualization.compare import TOP
from gaia_ssl.visualization.search import BEST, SUBNET


@pytest.fixture
def draw(tmp_path, make_result):
    """Draws searches that have other distances, and gives the picture's numbers."""

    def make(*changes, top=2):
        results = {f'${i}': make_result() for i in range(len(changes))}
        for result, change in zip(results.values(), changes, strict=True):
            for row in result['subnets']:
                row['distance'] = change(row['distance'])
        path = tmp_path / 'compare.png'
        plot_comparison(compare(results, [top]), str(path))
        with Image.open(path) as image:
            assert image.format == 'PNG' and image.width > 600
            return np.asarray(image.convert('RGB')).astype(int)

    return make


def same(value):
    return value


def reverse(value):
    return -value


def places(picture, color, tolerance=2):
    """Rows and columns of the pixels of a colour: (pixels, 2)."""
    return np.argwhere((abs(picture - np.multiply(color, 255)) < tolerance).all(-1))


def slope(picture):
    """The correlation of where subnets are drawn; the legend's one is left of the panel's."""
    faint = 0.75 * np.array(to_rgb(SUBNET)) + 0.25  # on white
    rows, columns = places(picture, faint, 15).T
    inside = rows < 0.88 * len(picture)
    assert inside.sum() > 100
    return np.corrcoef(columns[inside], -rows[inside])[0, 1]


def test_rank_against_rank(draw):
    assert slope(draw(same, same)) > 0.99
    assert slope(draw(same, reverse)) < -0.99


def test_the_best_and_the_top_are_marked(draw):
    small, large = draw(same, reverse, top=2), draw(same, reverse, top=5)
    assert len(places(small, to_rgb(BEST))) > 100
    # the shaded bands cover 1 - (5/7)^2 and 1 - (2/7)^2 of the panel
    ratio = len(places(large, to_rgb(TOP))) / len(places(small, to_rgb(TOP)))
    assert ratio == pytest.approx((1 - (2 / 7) ** 2) / (1 - (5 / 7) ** 2), rel=0.1)


def test_a_panel_for_every_two(draw):
    # each has its own two bands, and one search cannot tell archs apart
    three = draw(same, lambda value: 1, reverse)
    height, width = len(three), len(three[0])
    filled = [
        len(places(three[rows, columns], to_rgb(TOP))) > 0
        for rows in (slice(0, int(0.4 * height)), slice(int(0.55 * height), int(0.85 * height)))
        for columns in (slice(0, width // 2), slice(width // 2, width))
    ]
    assert filled == [True, False, True, True]
