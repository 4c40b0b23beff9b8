"""Swap the class of a built layer, keeping its weights."""

from typing import TypeVar

import torch.nn as nn

ModuleT = TypeVar('ModuleT', bound=nn.Module)


def recast(module: nn.Module, cls: type[ModuleT]) -> ModuleT:
    """Let a built module compute as another class does, in place.

    Its parameters, buffers, hooks, initialisation and the names in its state dict stay. A new
    module with copies of them would leave references to the old one behind, in optimizers for
    example.

    Args:
        module: The module.
        cls: A class with the same attributes: one whose constructor has built the module too.

    Returns:
        The same module.

    Raises:
        TypeError: If the class adds state that the module lacks.
    """
    owner = next(base for base in cls.__mro__ if '__init__' in vars(base))
    if owner is nn.Module or not isinstance(module, owner):
        raise TypeError(
            f'a {type(module).__name__} cannot become a {cls.__name__}, which is built by '
            f'{owner.__name__}'
        )
    module.__class__ = cls
    return module  # type: ignore[return-value]  # mypy does not follow a change of class
