"""A small supernet to train, and subnets to run on a task."""

import pytest
import torch

from gaia_ssl.benchmark import iterations
from gaia_ssl.space import get_space

BATCH = 4
CONFIG = """
model = dict(
    backbone=dict(init_cfg=dict(checkpoint='{{$GAIA_SSL_SUBNET:none}}/backbone.pth')),
    heads=[dict(init_cfg=dict(checkpoint='{{$GAIA_SSL_SUBNET:none}}/backbone.pth'))],
    neck=dict(init_cfg=dict(checkpoint='another.pth')),
)
test_evaluator = [dict(type='mmdet.CocoMetric', metric=['bbox', 'segm'])]
"""


@pytest.fixture
def supernet():
    torch.manual_seed(0)
    return iterations.build_supernet(get_space('tiny10to22'), BATCH)


@pytest.fixture
def data():
    return iterations.make_batch(BATCH, 32, 'cpu')


@pytest.fixture(scope='module')
def subnets(tmp_path_factory, extracted):
    """The folders of two subnets."""
    folder = tmp_path_factory.mktemp('subnets')
    return [extracted(arch).rename(folder / arch) for arch in ('MIN', 'R18')]


@pytest.fixture
def config(tmp_path):
    (tmp_path / 'detect.py').write_text(CONFIG)
    return tmp_path / 'detect.py'
