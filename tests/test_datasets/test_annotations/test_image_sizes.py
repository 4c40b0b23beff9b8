"""Sizes in files in COCO's format are those of the images, or are taken from them."""

import pytest
from PIL import Image

from gaia_ssl.datasets.annotations.coco import read_coco
from gaia_ssl.datasets.annotations.image_sizes import check_sizes, read_size
from gaia_ssl.utils import UserError

TALL = dict(height=24, width=10)


@pytest.fixture
def shown(tmp_path):
    """Make the second image 10 x 24 pixels when shown: ``shown(orientation)``."""

    def make(orientation):
        (tmp_path / 'images').mkdir(exist_ok=True)
        size = (24, 10) if orientation >= 5 else (10, 24)
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new('RGB', size).save(tmp_path / 'images' / '2.jpg', exif=exif)
        return str(tmp_path / 'images')

    return make


def sized(**sizes):
    """Give the second image other sizes; None leaves one out."""

    def change(content):
        image = content['images'][1]
        image.update(sizes)
        for key in [key for key, value in image.items() if value is None]:
            del image[key]

    return change


@pytest.mark.parametrize('orientation', range(1, 9))
def test_sizes_are_those_of_the_shown_image(coco, shown, orientation):
    path, folder = coco(sized(**TALL)), shown(orientation)
    assert read_size(f'{folder}/2.jpg') == (24, 10)
    file = read_coco(str(path))
    check_sizes(file, folder)
    assert not file.taken
    turned = read_coco(str(coco(sized(height=10, width=24))))
    shown(orientation)
    with pytest.raises(
        UserError, match='a.json has 24 x 10 for 2.jpg, but .*/2.jpg is 10 x 24'
    ) as e:
        check_sizes(turned, folder)
    assert ('with its EXIF orientation applied; remove' in str(e.value)) == (orientation >= 5)
    if orientation >= 5:  # read without it
        check_sizes(turned, folder, oriented=False)


@pytest.mark.parametrize(
    'sizes',
    [dict(height=None), dict(height=None, width=None), dict(height=0, width=0), dict(width=-1)]
    + [dict(height='24')],
)
def test_missing_sizes_are_taken_from_the_files(coco, shown, sizes):
    path, folder = coco(sized(**{**TALL, **sizes})), shown(6)
    file = read_coco(str(path))
    check_sizes(file, folder)
    assert [(i['height'], i['width']) for i in file.content['images']] == [(16, 16), (24, 10)]
    assert file.taken == [
        '"height" and "width" of 1 of 2 images are missing or not positive and are taken from the '
        'files'
    ]


def test_other_images(coco, shown):
    file, folder = read_coco(str(coco())), shown(1)
    with pytest.raises(UserError, match='is 10 x 24; mend "height" and "width", or give the right'):
        check_sizes(file, folder)


def test_an_image_that_cannot_be_read(coco, shown, tmp_path):
    file, folder = read_coco(str(coco(sized(height=None)))), shown(1)
    (tmp_path / 'images/2.jpg').write_bytes(b'text')
    with pytest.raises(UserError, match='gives no size of 2.jpg, and .*/2.jpg cannot be read; rep'):
        check_sizes(file, folder)
    # its decoder decides in the training
    check_sizes(read_coco(str(coco())), folder)


def test_many_images_are_sampled(coco, tmp_path, monkeypatch):
    def many(content):
        content['images'] = [dict(content['images'][0], id=i) for i in range(1000)]

    opened = []
    file = read_coco(str(coco(many)))
    monkeypatch.setattr(Image, 'open', lambda path, real=Image.open: opened.append(0) or real(path))
    check_sizes(file, str(tmp_path / 'images'))
    assert len(opened) == 64
