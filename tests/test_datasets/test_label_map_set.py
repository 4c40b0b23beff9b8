"""Label maps take the way of their images."""

import numpy as np
import pytest
import torch
from PIL import Image

from gaia_ssl.datasets.images import default_pipeline
from gaia_ssl.datasets.label_map_set import LabelMapSet, is_label_map_set
from gaia_ssl.utils import UserError


@pytest.fixture
def folder(tmp_path):
    """Images of uniform patches whose gray value tells the class, and their maps."""
    for name in ('images', 'annotations'):
        (tmp_path / name / 'deep').mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(3):
        patches = rng.choice([0, 2, 255], (4, 6)).astype(np.uint8)
        labels = patches.repeat(24, 0).repeat(24, 1)
        name = f'deep/{index}' if index else str(index)
        Image.fromarray(labels).save(tmp_path / 'annotations' / f'{name}.png')
        gray = np.stack([labels] * 3, 2)
        gray[gray == 2] = 100
        Image.fromarray(gray).save(tmp_path / 'images' / f'{name}.jpg', quality=100)
    return tmp_path


def test_maps_are_cropped_and_resized_as_their_images(folder):
    images = LabelMapSet(str(folder), default_pipeline(32))
    assert is_label_map_set(str(folder)) and not is_label_map_set(str(folder / 'images'))
    assert len(images) == 3 and images.kind == 'map'
    for index in range(3):
        labels, gray = images.target(index), images[index][0].float()
        assert labels.shape == (32, 32) and labels.dtype == torch.uint8
        expected = torch.where(labels == 2, 100.0, labels.float())
        # but at the borders of patches
        assert (gray - expected).abs().lt(20).float().mean() > 0.75
    chosen = images.select([2])
    assert torch.equal(chosen.target(0), images.target(2))


def test_another_map_is_another_identity(folder):
    images = LabelMapSet(str(folder), default_pipeline(32))
    before = [images.labels_id(index) for index in range(3)]
    path = folder / 'annotations/0.png'
    labels = np.asarray(Image.open(path)).copy()
    labels[0, 0] = 7
    Image.fromarray(labels).save(path)
    after = [images.labels_id(index) for index in range(3)]
    assert before[0] != after[0] and before[1:] == after[1:]


def test_unfit_maps_are_named(folder):
    path = folder / 'annotations/0.png'
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(
        UserError, match='labels: 1 of 3 images have no label map, such as .*/0.png'
    ):
        LabelMapSet(str(folder), default_pipeline(32))
    path.write_bytes(kept[:40])
    images = LabelMapSet(str(folder), default_pipeline(32))
    with pytest.raises(UserError, match='labels: .*0.png cannot be read'):
        images.target(0)
    for wrong in (np.zeros((5, 6), np.uint8), np.zeros((96, 144, 3), np.uint8)):
        Image.fromarray(wrong).save(path)
        with pytest.raises(UserError, match='labels: .*0.png is uint8 of shape .*, not a class'):
            images.target(0)


def test_a_photo_held_sideways_has_the_map_of_what_it_shows(folder):
    upright = LabelMapSet(str(folder), default_pipeline(32))
    expected = upright.target(0)
    with Image.open(folder / 'images/0.jpg') as image:
        turned = image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    turned.save(folder / 'images/0.jpg', quality=100, exif=exif)
    again = LabelMapSet(str(folder), default_pipeline(32))
    assert torch.equal(again.target(0), expected)
    assert (again[0].float() - upright[0].float()).abs().mean() < 5


def test_the_loader_must_be_known(folder):
    pipeline = default_pipeline(32)
    pipeline[0] = dict(type='LoadImageFromFile')
    with pytest.raises(UserError, match='must begin with LoadAnyImage'):
        LabelMapSet(str(folder), pipeline)
