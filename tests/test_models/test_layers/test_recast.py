"""Built modules that compute as another class does."""

import pytest
import torch
import torch.nn as nn

from gaia_ssl.models.layers import DynamicSyncBatchNorm, InputElasticLinear, recast


class Widened(nn.Linear):
    """A linear layer with state of its own."""

    def __init__(self):
        super().__init__(3, 2)
        self.scale = nn.Parameter(torch.ones(()))


def test_everything_but_the_computation_stays():
    linear = nn.Linear(3, 2)
    seen = []
    linear.register_forward_hook(lambda *_: seen.append(1))
    weight = linear.weight
    assert recast(linear, InputElasticLinear) is linear and type(linear) is InputElasticLinear
    assert linear.weight is weight and list(linear.state_dict()) == ['weight', 'bias']
    assert linear(torch.randn(4, 2)).shape == (4, 2) and seen
    assert recast(linear, InputElasticLinear) is linear


def test_sibling_classes_with_the_same_constructor():
    assert type(recast(nn.SyncBatchNorm(4), DynamicSyncBatchNorm)) is DynamicSyncBatchNorm


@pytest.mark.parametrize(
    'module, cls', [(nn.Linear(3, 2), Widened), (nn.Conv2d(3, 2, 1), InputElasticLinear)]
)
def test_state_that_the_module_lacks_is_refused(module, cls):
    with pytest.raises(
        TypeError, match=f'a {type(module).__name__} cannot become a {cls.__name__}'
    ):
        recast(module, cls)
    assert type(module) is not cls


class Stateless(nn.Module):
    """A module without a constructor of its own."""


def test_unrelated_modules_without_constructors_are_refused():
    with pytest.raises(TypeError, match='built by Module'):
        recast(nn.Linear(3, 2), Stateless)
