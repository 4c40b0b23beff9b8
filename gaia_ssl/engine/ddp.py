"""The DDP wrappers: of a supernet, and of any model on CPU."""

import torch.nn as nn
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.optim import OptimWrapper
from torch import Tensor

from gaia_ssl.models.layers import synchronise_norms
from gaia_ssl.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class SupernetDistributedDataParallel(MMDistributedDataParallel):
    """DDP that leaves the iteration to the model and runs on CPU as well.

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
        """One iteration; see ``SupernetSelfSupervisor.train_step``."""
        return self.module.train_step(data, optim_wrapper, wrapper=self)


@MODEL_WRAPPERS.register_module()
class CPUDistributedDataParallel(MMDistributedDataParallel):
    """DDP of any model with gloo, its synchronised batch norms included.

    Args:
        module: The model.
        device_ids: What MMEngine's Runner takes for this process's GPU; unused.
        kwargs: See ``MMDistributedDataParallel``.
    """

    def __init__(self, module: nn.Module, device_ids: list[int] | None = None, **kwargs) -> None:
        super().__init__(module=synchronise_norms(module), device_ids=None, **kwargs)


def unwrap(model: nn.Module) -> nn.Module:
    """The model inside a wrapper such as DDP's, or the model itself."""
    return model.module if is_model_wrapper(model) else model
