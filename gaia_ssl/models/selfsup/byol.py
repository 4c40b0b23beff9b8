"""BYOL on a supernet."""

from mmpretrain.models.selfsup import BYOL

from gaia_ssl.registry import MODELS

from .momentum import SymmetricMomentumSupernet


@MODELS.register_module()
class DynamicBYOL(SymmetricMomentumSupernet, BYOL):
    """BYOL (Grill et al., NeurIPS 2020), its target network always at MAX.

    Per iteration the target network moves once and projects both views once; every subnet
    predicts the same projections.

    Args:
        base_momentum: Share of the online weights in the first update of the target network; it
            falls to zero along a cosine. Defaults to 0.004.
        backbone, neck, head, arch_sampler, data_preprocessor: See ``SupernetSelfSupervisor``.
    """

    teacher_name = 'target_net'
    loss_scale = 2.0
