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


@pytest.mark.parametrize('channels', [8, 6, 2])
def test_fewer_channels_are_fewer_groups(channels):
    conv = DynamicConv2d(8, 8, 3, padding=1, groups=4)
    x = torch.randn(2, channels, 7, 9)
    # each group by itself
    expected = [
        F.conv2d(x[:, g : g + 2], conv.weight[g : g + 2], conv.bias[g : g + 2], padding=1)
        for g in range(0, channels, 2)
    ]
    torch.testing.assert_close(conv(x, channels), torch.cat(expected, 1))


@pytest.mark.parametrize('stride, dilation', [(1, 1), (2, 1), (1, 3)])
@pytest.mark.parametrize('kernel', [1, 3, 5, 7, None])
def test_a_smaller_kernel_is_the_centre(kernel, stride, dilation):
    """As a whole kernel that is zero around its centre, so the map keeps its size."""
    conv = DynamicConv2d(4, 4, 7, stride, 3 * dilation, dilation, groups=4, bias=False)
    x = torch.randn(2, 3, 21, 18)
    weight = torch.zeros_like(conv.weight)
    margin = (7 - (kernel or 7)) // 2
    centre = slice(margin, 7 - margin)
    weight[:, :, centre, centre] = conv.weight[:, :, centre, centre]
    expected = F.conv2d(x, weight[:3], None, stride, 3 * dilation, dilation, groups=3)
    torch.testing.assert_close(conv(x, 3, kernel), expected)
