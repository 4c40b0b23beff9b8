"""Supernets with telling weights, and archs for hypothesis to draw."""

import pytest
import torch
import torch.nn as nn
from hypothesis import strategies as st

from gaia_ssl.models.backbones import DynamicResNet


@pytest.fixture(scope='session')
def scramble():
    """Give a backbone weights and statistics that differ everywhere and keep signals in range."""

    def scramble(net: nn.Module, seed: int = 0) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                fan_in = module.weight[0].numel()
                module.weight.data.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
            elif isinstance(module, nn.BatchNorm2d):
                module.weight.data.uniform_(0.2, 0.6, generator=generator)
                module.bias.data.normal_(0, 0.1, generator=generator)
                module.running_mean.normal_(0, 0.1, generator=generator)
                module.running_var.uniform_(0.5, 1.5, generator=generator)
        return net

    return scramble


@pytest.fixture(scope='session')
def supernets(scramble):
    """The supernet of a space, in eval mode, built once per session."""
    built = {}

    def supernet(space: str) -> DynamicResNet:
        if space not in built:
            built[space] = scramble(DynamicResNet(space, out_indices=(0, 1, 2, 3))).eval()
        return built[space]

    return supernet


@pytest.fixture(scope='session')
def in_bounds():
    """Archs inside the bounds of a space, on its grid or off it."""

    def archs(space) -> st.SearchStrategy:
        def numbers(values):
            return st.integers(values[0], values[-1])

        return st.fixed_dictionaries(
            {
                name: numbers(values)
                if isinstance(values[0], int)
                else st.tuples(*map(numbers, values)).map(list)
                for name, values in space.choices.items()
            }
        )

    return archs
