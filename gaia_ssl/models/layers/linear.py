"""Linear layers elastic on their input, and necks made of them."""

import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


class DynamicLinear(nn.Linear):
    """A linear layer that runs with the weights of the first inputs; its output is whole."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (N, C) with C up to ``in_features`` to (N, out_features)."""
        return F.linear(x, self.weight[:, : x.size(-1)], self.bias)


def make_input_elastic(module: nn.Module) -> nn.Module:
    """Let a neck read the features of any subnet, by converting its first linear layer in place.

    Args:
        module: A module whose first linear layer reads the backbone's pooled features, e.g. any
            of mmpretrain's self-supervised necks.

    Returns:
        The same module; its state dict keeps its keys and shapes.

    Raises:
        ValueError: If the module has no linear layer.
    """
    for layer in module.modules():
        if type(layer) is nn.Linear:
            # parameters, hooks and initialisation stay: only how it is called changes
            layer.__class__ = DynamicLinear
            return module
        if isinstance(layer, DynamicLinear):
            return module
    raise ValueError(f'{type(module).__name__} has no linear layer to make elastic')
