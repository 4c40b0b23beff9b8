"""The stages that a feature pyramid is built on."""

import pytest

from gaia_ssl.downstream.pyramid import pyramid_stages
from gaia_ssl.space import Shape


@pytest.mark.parametrize(
    'strides, stages',
    [
        ((4, 8, 16, 32), [0, 1, 2, 3]),
        ((4, 8, 8, 8), [0, 1, 2, 3]),
        ((2, 4, 8, 16, 16, 32, 32), [1, 2, 4, 6]),
        ((2, 4, 8, 8, 8), [0, 1, 4]),
        ((1, 2, 4, 8, 16), [1, 2, 3, 4]),
        ((8,), [0]),
    ],
)
def test_pyramid(strides, stages):
    assert pyramid_stages([Shape(1, stride, (1, 1)) for stride in strides]) == stages
