import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.registry import MODELS

SMALL_SPACE = dict(
    name='small',
    family=dict(type='resnet', block='basic', stem='3x3'),
    choices=dict(stem_width=[4, 6], width=[[4, 8], [8, 12]], depth=[[1, 2], [1, 2]]),
)
SMALL_FAMILY = dict(strides=(1, 2), dilations=(1, 1))


def moco_config(space=SMALL_SPACE, channels=12, **options):
    """A MoCo supernet of two stages that trains in milliseconds."""
    space = copy.deepcopy(space)
    if len(space['choices']['width']) == 2:
        space['family'].update(SMALL_FAMILY)
    stages = len(space['choices']['width'])
    return dict(
        dict(
            type='gaia_ssl.DynamicMoCo',
            queue_len=32,
            feat_dim=8,
            momentum=0.01,
            backbone=dict(type='gaia_ssl.DynamicResNet', space=space, out_indices=(stages - 1,)),
            neck=dict(
                type='mmpretrain.MoCoV2Neck', in_channels=channels, hid_channels=16, out_channels=8
            ),
            head=dict(
                type='mmpretrain.ContrastiveHead',
                loss=dict(type='mmpretrain.CrossEntropyLoss'),
                temperature=0.2,
            ),
        ),
        **options,
    )


def make_batch(seed, size=4, side=16):
    """A batch as mmpretrain's data loader gives it: two views, each a list of images."""
    generator = torch.Generator().manual_seed(seed)
    views = [torch.rand(size, 3, side, side, generator=generator) for _ in range(2)]
    return dict(inputs=views, data_samples=[DataSample() for _ in range(size)])


@pytest.fixture
def ssl():
    """What tests of methods share, with a clean message hub."""
    hub = MessageHub.get_current_instance()
    hub.update_info('iter', 0)

    def build(seed=0, **options):
        torch.manual_seed(seed)
        model = MODELS.build(moco_config(**options))
        return model.train()

    def wrap(model, lr=0.1, **options):
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        return OptimWrapper(optimizer, **options)

    def at_iteration(iteration):
        hub.update_info('iter', iteration)

    return SimpleNamespace(build=build, wrap=wrap, batch=make_batch, at_iteration=at_iteration)
