"""Barlow Twins on a supernet."""

from mmpretrain.models.selfsup import BarlowTwins
from torch import Tensor

from gaia_ssl.models.layers import synchronise_norms
from gaia_ssl.registry import MODELS

from .base import SupernetSelfSupervisor
from .joint import with_joint_gradient


@MODELS.register_module()
class DynamicBarlowTwins(SupernetSelfSupervisor, BarlowTwins):
    """Barlow Twins (Zbontar et al., ICML 2021), with the cross-correlation of the joined batch.

    Args:
        backbone, neck, head, arch_sampler, data_preprocessor: See ``SupernetSelfSupervisor``.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        # mmpretrain's head would normalise each process's share of the batch separately
        synchronise_norms(self.head, plain=True)

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: None
    ) -> dict[str, Tensor]:
        """Compute the redundancy-reduction loss of the active subnet on the joined batch."""
        return with_joint_gradient(self.loss(inputs, data_samples))
