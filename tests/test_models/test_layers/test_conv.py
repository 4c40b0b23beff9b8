"""Convolutions that run with the first channels of their weights."""

import pytest
import torch
import torch.nn.functional as F

from gaia_ssl.models.layers import DynamicConv2d, StaticConv2d


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('in_channels, out_channels', [(6, 8), (3, 8), (6, 5), (2, 1)])
def test_runs_with_the_first_channels(in_channels, out_channels, bias):
    conv = DynamicConv2d(6, 8, 3, stride=2, padding=2, dilation=2, bias=bias)
    x = torch.randn(2, in_channels, 9, 7)
    weight = conv.weight[:out_channels, :in_channels]
    expected = F.conv2d(x, weight, conv.bias[:out_channels] if bias else None, 2, 2, 2)
    assert torch.equal(conv(x, out_channels), expected)


def test_gradients_reach_only_the_channels_in_use():
    conv = DynamicConv2d(4, 4, 1)
    conv(torch.randn(1, 2, 3, 3), 3).sum().backward()
    used = conv.weight.grad[:, :, 0, 0] != 0
    assert used[:3, :2].all() and used.sum() == 6


def test_static_twin_is_the_plain_convolution():
    conv = StaticConv2d(4, 6, 3, padding=1)
    x = torch.randn(1, 4, 5, 5)
    assert torch.equal(conv(x, 6), torch.nn.Conv2d.forward(conv, x))
