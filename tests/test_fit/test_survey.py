"""Facts of a folder of images."""

import pytest
from PIL import Image

from gaia_ssl.fit.survey import SAMPLE, Survey, survey
from gaia_ssl.utils import UserError

from .conftest import write_images


def test_number_side_and_colours(tmp_path):
    write_images(tmp_path / 'small', 6, side=30)
    write_images(tmp_path / 'deeper/gray', 3, side=50, mode='L')
    (tmp_path / 'broken.png').write_text('no image')
    assert survey(str(tmp_path)) == Survey(10, 30, pytest.approx(3 / 9))


def test_of_many_some_are_opened(tmp_path, monkeypatch):
    write_images(tmp_path, 20, side=16)
    opened = []
    true = Image.open
    monkeypatch.setattr(Image, 'open', lambda path: opened.append(path) or true(path))
    monkeypatch.setattr('gaia_ssl.fit.survey.SAMPLE', 5)
    assert survey(str(tmp_path)).number == 20 and len(opened) == 5 < SAMPLE
    assert opened[0].endswith('000.png') and opened[-1].endswith('019.png')


def test_nothing_that_can_be_opened(tmp_path):
    (tmp_path / 'a.png').write_text('no image')
    with pytest.raises(
        UserError, match=r'no file in .* can be opened as an image, such as .*a.png'
    ):
        survey(str(tmp_path))


@pytest.mark.parametrize(
    'side, least, gpu, view',
    [
        (28, 32, False, 32),
        (32, 32, False, 32),
        (32, 64, False, 64),
        (100, 32, False, 64),
        (480, 32, False, 128),
        (480, 32, True, 224),
        (200, 32, True, 128),
    ],
)
def test_views_are_near_the_images(side, least, gpu, view):
    assert Survey(10, side, 0.0).view_side(least, gpu) == view
