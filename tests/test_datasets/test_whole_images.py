import cv2
import numpy as np
import pytest

from gaia_ssl.datasets.training_images import TrainingImages
from gaia_ssl.datasets.whole_images import WholeImages


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    for index, size in enumerate([(16, 16), (16, 32), (48, 32)]):
        noise = rng.integers(0, 255, (*size, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f'{index}.png'), noise)

    def call(**options):
        return TrainingImages(str(tmp_path), pipeline=[dict(type='LoadAnyImage')], **options)

    return call


def test_squares_at_the_centre(images, tmp_path):
    whole = WholeImages(images(), 16)
    assert [tuple(whole[index].shape) for index in range(len(whole))] == [(3, 16, 16)] * 3
    # images of that height stay as they are but for the crop
    for index, columns in ((0, slice(16)), (1, slice(8, 24))):
        expected = cv2.imread(str(tmp_path / f'{index}.png'))[:, columns]
        assert (whole[index].numpy().transpose(1, 2, 0) == expected).all()


def test_digest(images, tmp_path):
    digest = WholeImages(images(), 16).digest()
    assert digest == WholeImages(images(), 16).digest()
    others = [WholeImages(images(), 32).digest(), WholeImages(images(indices=2), 16).digest()]
    cv2.imwrite(str(tmp_path / '2.png'), np.zeros((5, 5, 3)))
    others.append(WholeImages(images(), 16).digest())
    (tmp_path / '2.png').rename(tmp_path / '3.png')
    others.append(WholeImages(images(), 16).digest())
    assert len({digest, *others}) == 5
