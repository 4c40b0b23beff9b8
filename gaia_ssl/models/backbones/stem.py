"""Base of backbones that keep the stem's layers as attributes, named as in torchvision."""

from abc import abstractmethod

import torch.nn as nn
from torch import Tensor

from gaia_ssl.space import Step
from gaia_ssl.space.families import Stem

from .base import PathBackbone
from .layer_factory import LayerFactory


class StemBackbone(PathBackbone):
    """Keeps the layers of its stem as attributes: ``conv1`` and so on, without a module of it."""

    @abstractmethod
    def add_stem(self, step: Stem, in_channels: int, layers: LayerFactory) -> None:
        """Add the layers of the stem, sized by its step."""

    @abstractmethod
    def stem_modules(self) -> tuple[nn.Module, ...]:
        """The modules of the stem."""

    @abstractmethod
    def run_stem(self, step: Stem, x: Tensor) -> Tensor:
        """Compute the stem."""

    def _add_step(self, step: Step, in_channels: int, layers: LayerFactory) -> None:
        if isinstance(step, Stem):
            self.add_stem(step, in_channels, layers)
        else:
            super()._add_step(step, in_channels, layers)

    def step_modules(self, step: Step) -> tuple[nn.Module, ...]:
        """The modules that hold the weights of a step."""
        return self.stem_modules() if isinstance(step, Stem) else super().step_modules(step)

    def apply_step(self, step: Step, x: Tensor) -> Tensor:
        """Compute one step."""
        return self.run_stem(step, x) if isinstance(step, Stem) else super().apply_step(step, x)
