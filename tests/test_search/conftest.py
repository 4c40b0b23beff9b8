"""A small supernet with a teacher of its own, without mmpretrain."""

import pytest
import torch
import torch.nn as nn

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
