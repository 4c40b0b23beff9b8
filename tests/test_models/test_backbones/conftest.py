"""Supernets with telling weights, and archs for hypothesis to draw."""

import pytest
import torch
import torch.nn as nn
from hypothesis import strategies as st

from gaia_ssl.models.backbones import SUPERNETS, DynamicBackbone
from gaia_ssl.space import SearchSpace, get_space


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
def supernet_type():
    """The class of a space's supernets."""

    def find(space: str | SearchSpace) -> type[DynamicBackbone]:
        return SUPERNETS[type(get_space(space).family)]

    return find


@pytest.fixture(scope='session')
def supernets(scramble, supernet_type):
    """The supernet of a space with all stages out, in eval mode, built once per session."""
    built = {}

    def supernet(space: str) -> DynamicBackbone:
        if space not in built:
            stages = get_space(space).family.stages
            net = supernet_type(space)(space, out_indices=tuple(range(stages)))
            built[space] = scramble(net).eval()
        return built[space]

    return supernet


@pytest.fixture(scope='session')
def in_bounds():
    """Archs inside the bounds of a space, on its grid or off it."""

    def multiples(values, unit) -> st.SearchStrategy:
        return st.integers(-(-values[0] // unit), values[-1] // unit).map(lambda n: n * unit)

    def odd(values) -> st.SearchStrategy:
        return st.integers(values[0] // 2, (values[-1] - 1) // 2).map(lambda n: 2 * n + 1)

    def archs(space) -> st.SearchStrategy:
        groups = getattr(space.family, 'group_widths', ()) or [1] * space.family.stages

        def numbers(name, values, stage=None):
            if name == 'kernel':
                return odd(values)
            return multiples(values, groups[stage] if name == 'width' else 1)

        return st.fixed_dictionaries(
            {
                name: numbers(name, values)
                if isinstance(values[0], int)
                else st.tuples(*(numbers(name, v, i) for i, v in enumerate(values))).map(list)
                for name, values in space.choices.items()
            }
        )

    return archs
