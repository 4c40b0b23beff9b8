"""DDP wrappers: of a supernet, and of any model on CPU."""

from typing import TYPE_CHECKING, cast

import torch.nn as nn
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import Tensor

from gaia_ssl.models.layers import synchronise_norms
from gaia_ssl.registry import MODEL_WRAPPERS

if TYPE_CHECKING:  # it needs mmpretrain, which downstream trainings may do without
    from gaia_ssl.models.selfsup import SupernetSelfSupervisor


@MODEL_WRAPPERS.register_module()
class SupernetDistributedDataParallel(MMDistributedDataParallel):
    """DDP that leaves the iteration to the model, on GPUs or CPUs.

    Args:
        module: A self-supervised supernet.
        device_ids: This process's GPU, as MMEngine's Runner gives it; unused on CPU.
        kwargs: See ``MMDistributedDataParallel``.
    """

    def __init__(self, module: nn.Module, device_ids: list[int] | None = None, **kwargs) -> None:
        on_gpu = next(module.parameters()).is_cuda
        kwargs.setdefault('broadcast_buffers', False)
        super().__init__(module=module, device_ids=device_ids if on_gpu else None, **kwargs)

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """Train for one iteration, see ``SupernetSelfSupervisor.train_step``."""
        return self.module.train_step(data, optim_wrapper, wrapper=self)


@MODEL_WRAPPERS.register_module()
class CPUDistributedDataParallel(MMDistributedDataParallel):
    """DDP of any model with gloo, its synchronised batch norms included.

    Args:
        module: The model.
        device_ids: Given by MMEngine's Runner for a GPU; unused.
        kwargs: See ``MMDistributedDataParallel``.
    """

    def __init__(self, module: nn.Module, device_ids: list[int] | None = None, **kwargs) -> None:
        super().__init__(module=synchronise_norms(module), device_ids=None, **kwargs)


def unwrap(model: nn.Module) -> nn.Module:
    """Get the model inside a wrapper such as DDP's, or the model itself."""
    return cast(nn.Module, model.module) if is_model_wrapper(model) else model


def supernet_of(runner: Runner) -> 'SupernetSelfSupervisor':
    """Get the supernet that a runner trains, without its wrapper."""
    return cast('SupernetSelfSupervisor', unwrap(runner.model))
