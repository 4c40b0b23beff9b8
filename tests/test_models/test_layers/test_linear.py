"""Linear layers of elastic width, and necks made of them."""

import pytest
import torch
import torch.nn as nn

from gaia_ssl.models.layers import (
    DynamicLinear,
    InputElasticLinear,
    InputElasticPointwise,
    StaticLinear,
    make_input_elastic,
)
from gaia_ssl.utils import UserError


@pytest.mark.parametrize('bias', [True, False])
def test_dynamic_linear_runs_with_the_first_inputs_and_outputs(bias):
    linear = DynamicLinear(6, 4, bias=bias)
    x = torch.randn(3, 2, 5, requires_grad=True)
    expected = x @ linear.weight[:3, :5].T + (linear.bias[:3] if bias else 0)
    torch.testing.assert_close(linear(x, 3), expected)
    linear(x, 3).sum().backward()
    assert linear.weight.grad[:3, :5].all()
    assert not linear.weight.grad[3:].any() and not linear.weight.grad[:, 5:].any()
    full = torch.randn(3, 6)
    plain = StaticLinear(6, 4, bias=bias)
    plain.load_state_dict(linear.state_dict())
    assert torch.equal(linear(full, 4), nn.Linear.forward(linear, full))
    assert torch.equal(plain(full, 4), linear(full, 4))


def test_runs_with_the_first_inputs():
    linear = InputElasticLinear(6, 4)
    x = torch.randn(3, 5)
    torch.testing.assert_close(linear(x), x @ linear.weight[:, :5].T + linear.bias)
    full = torch.randn(3, 6)
    assert torch.equal(linear(full), nn.Linear.forward(linear, full))


def test_pointwise_convolution_runs_with_the_first_inputs():
    conv = InputElasticPointwise(6, 4, 1)
    x = torch.randn(3, 5, 2, 2)
    expected = torch.einsum('nchw,dc->ndhw', x, conv.weight[:, :5, 0, 0])
    torch.testing.assert_close(conv(x), expected + conv.bias.view(1, -1, 1, 1))
    full = torch.randn(3, 6, 2, 2)
    assert torch.equal(conv(full), nn.Conv2d.forward(conv, full))


def test_layers_that_read_the_backbone_become_elastic():
    neck = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    weights = {k: v.clone() for k, v in neck.state_dict().items()}
    full = torch.randn(2, 6)
    before = neck(full)
    assert make_input_elastic(neck, 6) is neck
    assert [type(m) for m in neck] == [nn.Flatten, InputElasticLinear, nn.ReLU, nn.Linear]
    assert torch.equal(neck(full), before)
    assert neck(torch.randn(2, 3)).shape == (2, 4)
    assert all(torch.equal(weights[k], v) for k, v in neck.state_dict().items())
    assert make_input_elastic(neck, 6) is neck  # again changes nothing


def test_a_neck_with_several_readers():
    neck = nn.ModuleDict(
        dict(
            whole=nn.Linear(6, 5),
            grid=nn.Sequential(nn.Conv2d(6, 5, 1), nn.Conv2d(5, 4, 1)),
            spatial=nn.Conv2d(6, 4, 3),
        )
    )
    make_input_elastic(neck, 6)
    assert type(neck.whole) is InputElasticLinear and type(neck.grid[0]) is InputElasticPointwise
    assert type(neck.grid[1]) is nn.Conv2d and type(neck.spatial) is nn.Conv2d


def test_a_neck_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match='model.neck.in_channels: no layer of Linear reads 8'):
        make_input_elastic(nn.Linear(6, 4), 8)
