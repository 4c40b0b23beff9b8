"""BYOL on a supernet."""

from mmpretrain.models.selfsup import BYOL

from gaia_ssl.registry import MODELS

from .momentum import SymmetricMomentumSupernet


@MODELS.register_module()
class DynamicBYOL(SymmetricMomentumSupernet, BYOL):
    """BYOL (Grill et al., NeurIPS 2020), with a target network that stays at MAX.

    Once per iteration the target network is updated and projects both views; every subnet
    predicts these projections.

    Args:
        base_momentum: Share of the online weights in the first update of the target network; it
            falls to zero along a cosine. Defaults to 0.004.
        backbone, neck, head, arch_sampler, data_preprocessor: See ``SupernetSelfSupervisor``.
    """

    teacher_name = 'target_net'
    loss_scale = 2.0
