"""Linear layers elastic on their input, and necks made of them."""

import pytest
import torch
import torch.nn as nn

from gaia_ssl.models.layers import DynamicLinear, make_input_elastic


def test_runs_with_the_first_inputs():
    linear = DynamicLinear(6, 4)
    x = torch.randn(3, 5)
    torch.testing.assert_close(linear(x), x @ linear.weight[:, :5].T + linear.bias)
    full = torch.randn(3, 6)
    assert torch.equal(linear(full), nn.Linear.forward(linear, full))


def test_only_the_first_linear_layer_becomes_elastic():
    neck = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    weights = {k: v.clone() for k, v in neck.state_dict().items()}
    full = torch.randn(2, 6)
    before = neck(full)
    assert make_input_elastic(neck) is neck
    assert [type(m) for m in neck] == [nn.Flatten, DynamicLinear, nn.ReLU, nn.Linear]
    assert torch.equal(neck(full), before)
    assert neck(torch.randn(2, 3)).shape == (2, 4)
    assert all(torch.equal(weights[k], v) for k, v in neck.state_dict().items())
    assert make_input_elastic(neck) is neck  # again changes nothing


def test_a_module_without_linear_layer_is_refused():
    with pytest.raises(ValueError, match='Sequential has no linear layer'):
        make_input_elastic(nn.Sequential(nn.ReLU()))
