"""MoCo v3 on a supernet."""

from mmpretrain.models.selfsup import MoCoV3

from gaia_ssl.registry import MODELS

from .momentum import SymmetricMomentumSupernet


@MODELS.register_module()
class DynamicMoCoV3(SymmetricMomentumSupernet, MoCoV3):
    """MoCo v3 (Chen et al., ICCV 2021) for convolutional networks.

    The momentum encoder stays at MAX. Once per iteration it is updated and encodes both views;
    every subnet is contrasted with these keys.

    Args:
        base_momentum: Share of the online weights in the first update of the momentum encoder; it
            falls to zero along a cosine. Defaults to 0.01.
        backbone, neck, head, arch_sampler, data_preprocessor: See ``SupernetSelfSupervisor``.
    """

    teacher_name = 'momentum_encoder'
