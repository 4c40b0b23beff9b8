import numpy as np
import pytest
from PIL import Image

from gaia_ssl.datasets.images import UnlabeledImages, image_digest, list_images
from gaia_ssl.utils import UserError


def save(path, size=(40, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def test_any_folder(tmp_path):
    names = ['a/x.jpg', 'a/b/y.PNG', 'z.bmp', 'a.webp', 'a/x.jpeg']
    for name in names:
        save(tmp_path / name)
    (tmp_path / 'notes.txt').write_text('')
    (tmp_path / '.hidden.jpg').write_text('')
    assert list_images(str(tmp_path)) == sorted(names)


def test_linked_folders(tmp_path):
    save(tmp_path / 'elsewhere/x.jpg')
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/a').symlink_to(tmp_path / 'elsewhere')
    assert list_images(str(tmp_path / 'mine')) == ['a/x.jpg']


def test_the_smallest_image_has_a_digest(tmp_path):
    save(tmp_path / 'a.jpg', (1, 3))
    assert len(image_digest(str(tmp_path / 'a.jpg'))) == 64


def test_no_images(tmp_path):
    with pytest.raises(UserError, match='holds no image'):
        list_images(str(tmp_path))
    with pytest.raises(UserError, match='nowhere is not a folder'):
        list_images(str(tmp_path / 'nowhere'))


@pytest.mark.parametrize('name', ['a.jpg', 'a.png', 'a.webp', 'a.bmp'])
def test_an_image_must_be_whole(tmp_path, name):
    path = tmp_path / name
    save(path, (400, 300))
    digest = image_digest(str(path))
    assert len(digest) == 64
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=f'{name} cannot be read'):
        image_digest(str(path))
    path.write_bytes(b'text')
    with pytest.raises(UserError, match=r'\(not an image\)'):
        image_digest(str(path))


def test_pipeline(tmp_path):
    save(tmp_path / 'a.png')
    images = UnlabeledImages(str(tmp_path), [])
    assert len(images) == 1 and images.path(0) == str(tmp_path / 'a.png')
    with pytest.raises(UserError, match='a.png does not pass the pipeline .KeyError'):
        images[0]
