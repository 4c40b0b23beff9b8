"""A small supernet with a teacher of its own, without mmpretrain."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn as nn
from PIL import Image
from torch.profiler import ProfilerActivity, profile

from gaia_ssl.datasets.images import ImageSet, default_pipeline
from gaia_ssl.models.backbones import DynamicResNet
from gaia_ssl.models.layers import make_input_elastic


class Neck(nn.Module):
    """Pool, linear, batch norm, ReLU, linear, as the necks of BYOL and SimSiam."""

    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(128, 24), nn.BatchNorm1d(24), nn.ReLU(inplace=True), nn.Linear(24, 8)
        )

    def forward(self, x):
        return (self.mlp(x[0].mean((2, 3))),)


def make_encoder():
    backbone = DynamicResNet('tiny10to22')
    backbone.init_weights()
    neck = make_input_elastic(Neck(), 128)
    for module in (*backbone.modules(), *neck.modules()):
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            # running statistics that would show if they were used
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    return backbone, neck


@pytest.fixture(scope='session')
def encoders():
    """Student and teacher: a backbone and a neck each."""
    torch.manual_seed(0)
    return make_encoder(), make_encoder()


@pytest.fixture(scope='session')
def images():
    """14 images of 40 px: groups of 4, 5 and 5 where a group has at most 6."""
    return torch.randn(14, 3, 40, 40, generator=torch.Generator().manual_seed(1))


class Supernet(nn.Module):
    """The parts of a self-supervised model that a search uses."""

    def __init__(self, student, teacher):
        super().__init__()
        self.networks = nn.ModuleList([*student, *teacher])
        self.student, self.teacher = student, teacher

    def data_preprocessor(self, data):
        return dict(data, inputs=data['inputs'].float() / 64 - 2)


@pytest.fixture(scope='session')
def supernet(encoders):
    return Supernet(*encoders)


@pytest.fixture(scope='session')
def photos(tmp_path_factory):
    """14 images of 40 px from files."""
    folder = tmp_path_factory.mktemp('photos')
    for index in range(14):
        noise = np.random.default_rng(index).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f'{index:02d}.png')
    return ImageSet(str(folder), default_pipeline(40))


@pytest.fixture(scope='session')
def allocated_peak():
    """Runs a function and returns the most bytes that the allocator gave out at a time."""

    def run(function):
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            function()
        events = profiler.profiler.kineto_results.events()
        changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == '[memory]')
        return max(itertools.accumulate(nbytes for _, nbytes in changes))

    return run
