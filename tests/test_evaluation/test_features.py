import pytest
import torch
import torch.nn as nn

from gaia_ssl.datasets.images import ImageSet, default_pipeline
from gaia_ssl.evaluation import PooledFeatures
from gaia_ssl.utils import UserError


class Shrink(nn.Module):
    """A backbone whose maps are the image in cells of 4 pixels."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return (self.weight * nn.functional.avg_pool2d(x, 4),)


@pytest.fixture
def images(labeled):
    return ImageSet(labeled.train, default_pipeline(20))


@pytest.mark.parametrize('cells', [1, 2, 5])
def test_equals_a_plain_computation(labeled, images, cells):
    found = PooledFeatures(labeled.config, num_workers=0, cells=cells)(dict(a=Shrink()), images)
    assert found['a'].shape == (len(images), 3 * cells**2)
    for index, feature in enumerate(found['a']):
        image = (images[index].double().flip(0) - 127.5) / 64  # BGR -> RGB
        maps = image.unfold(1, 4, 4).unfold(2, 4, 4).mean((3, 4))  # (3, 5, 5)
        side = 5 - cells + 1
        expected = [
            maps[channel, y : y + side, x : x + side].mean()
            for channel in range(3)
            for y in range(cells)
            for x in range(cells)
        ]
        expected = torch.stack(expected)
        torch.testing.assert_close(feature.double(), expected / expected.norm(), atol=1e-5, rtol=0)


def test_too_small_for_the_windows(labeled, images):
    with pytest.raises(UserError, match='input_size: it makes features of 5x5, too few for 6x6'):
        PooledFeatures(labeled.config, num_workers=0, cells=6)(dict(a=Shrink()), images)
