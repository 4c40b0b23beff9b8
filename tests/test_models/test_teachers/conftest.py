"""Builds teachers with random weights from files."""

import pytest
import torch

import gaia_ssl.models.selfsup  # noqa: F401 - registers the teachers
from gaia_ssl.models.teachers import build_teacher
from gaia_ssl.registry import MODELS

NORMS = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)


@pytest.fixture
def pretrained(tmp_path):
    """A backbone's config with its random weights in a file."""

    def call(**network):
        torch.manual_seed(0)
        file = str(tmp_path / 'weights.pth')
        torch.save(MODELS.build(network).state_dict(), file)
        return dict(network, init_cfg=dict(type='Pretrained', checkpoint=file))

    return call


@pytest.fixture
def teach():
    """Build a teacher for images that are normalised as ImageNet's."""

    def call(image_channels=3, **options):
        return build_teacher(options, NORMS, image_channels)

    return call
