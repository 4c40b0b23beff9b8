"""Mixed precision on CPU: the optimizer wrapper, and models that cannot use it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn as nn
from mmengine.optim import OptimWrapper

from gaia_ssl.registry import OPTIM_WRAPPERS
from gaia_ssl.utils import UserError

# without compiled operators it computes in PyTorch's
_IN_PYTORCH = ('MultiScaleDeformableAttention',)


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Autocast to bfloat16 on CPU; it has the range of float32, so losses are not scaled."""

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast, and MMEngine's handling of gradient accumulation."""
        with super().optim_context(model), torch.autocast('cpu', torch.bfloat16):
            yield


def check_half(model: nn.Module) -> None:
    """Check that a model can be trained in bfloat16 on CPU.

    mmcv's compiled operators, such as those for regions of interest, take float32 alone there.

    Raises:
        UserError: If it has such an operator.
    """
    for name, module in model.named_modules():
        kind = type(module)
        if kind.__module__.startswith('mmcv.ops.') and kind.__name__ not in _IN_PYTORCH:
            raise UserError(
                f'amp: {kind.__name__} of model.{name} has no mixed precision on CPU; train '
                'without amp (--amp), or on a GPU'
            )
