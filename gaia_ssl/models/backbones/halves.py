"""A subnet cut in two: the backbone of a C4 detector, and the head that its regions share.

The shared head of the field is a fixed ResNet's last stage; here it is the subnet's own.
"""

from collections.abc import Collection
from typing import Any

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor

from gaia_ssl.registry import MODELS


class _Half(BaseModule):
    """Some stages of a subnet.

    They are initialised as the whole is, so that its checkpoint is loaded as strictly as ever.

    Args:
        subnet: Config of the whole subnet.
        stages: The stages to keep; -1 is the stem.
    """

    def __init__(self, subnet: dict[str, Any], stages: Collection[int]) -> None:
        super().__init__()
        self.subnet = subnet
        self.net = MODELS.build(dict(subnet, out_indices=(max(stages),)))
        self.net.keep_stages(stages)

    def init_weights(self) -> None:
        """Initialise the whole subnet, and take over the weights of these stages."""
        whole = MODELS.build(self.subnet)
        whole.init_weights()
        weights = whole.state_dict()
        self.net.load_state_dict({key: weights[key] for key in self.net.state_dict()})


@MODELS.register_module()
class SubnetTrunk(_Half):
    """The stem and the first stages of a subnet, as a backbone.

    Args:
        subnet: Config of the whole subnet.
        stages: How many stages it has.
    """

    def __init__(self, subnet: dict[str, Any], stages: int) -> None:
        super().__init__(subnet, range(-1, stages))

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Compute the features of images: (N, C, H, W) -> ((N, C', H', W'),)."""
        return self.net(x)


@MODELS.register_module()
class SubnetSharedHead(_Half):
    """The last stages of a subnet and a norm, as a shared head of mmdet's.

    The norm after them is that of MoCo's detection benchmark (He et al., CVPR 2020).

    Args:
        subnet: Config of the whole subnet, none of which may be frozen.
        stages: How many stages the trunk has: those after them are here.
    """

    def __init__(self, subnet: dict[str, Any], stages: int) -> None:
        super().__init__(subnet, range(stages, len(subnet['arch']['width'])))
        [*_, last] = self.net.active_path.steps
        self.norm = build_norm_layer(subnet['norm_cfg'], last.out_channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        """Compute the features of regions: (R, C, H, W) -> (R, C', H', W')."""
        [x] = self.net(x)
        return self.norm(x)
