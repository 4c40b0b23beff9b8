"""Optimizer wrapper for mixed precision on CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn as nn
from mmengine.optim import OptimWrapper

from gaia_ssl.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Autocast to bfloat16 on CPU; it has the range of float32, so losses are not scaled."""

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast, and MMEngine's handling of gradient accumulation."""
        with super().optim_context(model), torch.autocast('cpu', torch.bfloat16):
            yield
