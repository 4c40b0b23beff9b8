"""Costs of single layers, against modules of torch."""

import pytest
import torch
import torch.nn as nn
from torch.utils.flop_counter import FlopCounterMode

from gaia_ssl.space.families import conv, conv_norm, nbytes, norm


@pytest.mark.parametrize('kernel, groups, bias', [(1, 1, True), (3, 1, False), (7, 4, True)])
def test_conv(kernel, groups, bias):
    layer = nn.Conv2d(8, 12, kernel, 2, kernel // 2, groups=groups, bias=bias)
    x = torch.randn(1, 8, 10, 13)
    with FlopCounterMode(display=False) as counter:
        out = layer(x)
    sizes = tuple(x.shape[2:]), tuple(out.shape[2:])
    cost = conv(8, 12, kernel, *sizes, groups=groups, waiting=100, bias=bias)
    assert cost.flops == counter.get_total_flops() / 2
    assert cost.params == sum(p.numel() for p in layer.parameters())
    assert cost.memory == x.nbytes + out.nbytes + 100
    if not bias:
        expected = cost._replace(params=cost.params + 2 * 12)
        assert conv_norm(8, 12, kernel, *sizes, groups, 100) == expected


def test_linear_on_every_cell_is_a_pointwise_convolution():
    layer, x = nn.Linear(8, 12), torch.randn(1, 5, 7, 8)
    with FlopCounterMode(display=False) as counter:
        layer(x)
    cost = conv(8, 12, 1, (5, 7), (5, 7), bias=True)
    assert cost.flops == counter.get_total_flops() / 2
    assert cost.params == sum(p.numel() for p in layer.parameters())


def test_norm():
    layer, x = nn.BatchNorm2d(8), torch.randn(1, 8, 5, 7)
    cost = norm(8, (5, 7), waiting=nbytes(8, (5, 7)))
    assert cost == (0, sum(p.numel() for p in layer.parameters()), 3 * x.nbytes)
