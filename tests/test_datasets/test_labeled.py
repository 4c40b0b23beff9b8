import numpy as np
import pytest
from PIL import Image

from gaia_ssl.datasets.images import default_pipeline
from gaia_ssl.datasets.labeled import LabeledImageSet
from gaia_ssl.utils import UserError


def test_classes_are_the_outermost_folders(tmp_path):
    for name in ('b/1.png', 'a/deep/2.png', 'a/3.png'):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    (tmp_path / 'empty').mkdir()
    images = LabeledImageSet(str(tmp_path), default_pipeline(8))
    assert images.classes == ['a', 'b']
    assert dict(zip(images.names, images.labels)) == {'a/3.png': 0, 'a/deep/2.png': 0, 'b/1.png': 1}
    assert images[0].shape == (3, 8, 8)
    chosen = images.select([2, 0])
    assert (chosen.names, chosen.labels) == (['b/1.png', 'a/3.png'], [1, 0])


def test_refuses_an_image_beside_the_classes(tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / '1.png')
    with pytest.raises(UserError, match='1.png is not in a class folder'):
        LabeledImageSet(str(tmp_path), default_pipeline(8))


def test_links_between_classes(tmp_path):
    for name in ('a/1.png', 'a/deep/2.png', 'b/3.png'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / 'b/1.png').symlink_to('../a/1.png')
    (tmp_path / 'b/4.png').symlink_to('3.png')  # twice the same
    (tmp_path / 'b/up').symlink_to('..')  # a loop
    (tmp_path / 'c').symlink_to('a/deep')
    images = LabeledImageSet(str(tmp_path), [])
    assert images.names == ['a/1.png', 'a/deep/2.png', 'b/1.png', 'b/3.png', 'c/2.png']
    assert images.labels == [0, 0, 1, 1, 2]
