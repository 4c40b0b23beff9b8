import pytest
import torch

from gaia_ssl.models.teachers.normalisation import IMAGENET, Normalisation
from gaia_ssl.utils import UserError

BGR = dict(mean=[10.0, 20.0, 30.0], std=[2.0, 4.0, 8.0])


def images():
    return torch.randint(256, (2, 3, 4, 5), generator=torch.Generator().manual_seed(0)).float()


def normalise(bgr, own):
    x = bgr.flip(1) if own.rgb else bgr
    return (x - torch.tensor(own.mean).view(-1, 1, 1)) / torch.tensor(own.std).view(-1, 1, 1)


@pytest.mark.parametrize('options', [BGR, dict(BGR, to_rgb=True), {}, dict(bgr_to_rgb=True)])
def test_change_equals_normalising_the_images_themselves(options):
    own = Normalisation.of(options)
    for other in (Normalisation.of(BGR), IMAGENET):
        changed = own.change(normalise(images(), own), other)
        torch.testing.assert_close(changed, normalise(images(), other), rtol=1e-5, atol=1e-5)


def test_no_change_leaves_the_bits():
    x = torch.randn(2, 3, 4, 4)
    assert IMAGENET.change(x, IMAGENET) is x


def test_imagenet():
    assert IMAGENET.mean == pytest.approx((123.675, 116.28, 103.53))
    assert IMAGENET.std == pytest.approx((58.395, 57.12, 57.375))


@pytest.mark.parametrize('options', [dict(mean=[1, 2], std=[1]), dict(mean=3), dict(std=[0.0])])
def test_numbers_are_checked(options):
    with pytest.raises(UserError, match='data_preprocessor: mean .* are not one number per'):
        Normalisation.of(options)
