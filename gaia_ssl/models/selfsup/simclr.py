"""SimCLR on a supernet."""

from mmpretrain.models.selfsup import SimCLR
from torch import Tensor

from gaia_ssl.registry import MODELS

from .base import SupernetSelfSupervisor
from .joint import with_joint_gradient


@MODELS.register_module()
class DynamicSimCLR(SupernetSelfSupervisor, SimCLR):
    """SimCLR (Chen et al., ICML 2020), with negatives from all processes.

    Args:
        backbone, neck, head, arch_sampler, data_preprocessor: See ``SupernetSelfSupervisor``.
    """

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: None
    ) -> dict[str, Tensor]:
        """Compute the contrastive loss of the active subnet on the joined batch."""
        return with_joint_gradient(self.loss(inputs, data_samples))
