"""Cut a subnet into the backbone and the shared head of a C4 detector.

The shared head of the field is a fixed ResNet's last stage; here it is the subnet's own.
"""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from gaia_ssl.registry import MODELS

from .layer_factory import static_layers


class _Half(BaseModule):
    """Some stages of a subnet.

    They are initialised as the whole is, so that the same strict check applies to its checkpoint.

    Args:
        subnet: Config of the whole subnet.
        first: The first stage to keep; -1 is the stem.
        end: The stage after the last one to keep. Defaults to keeping the last.
    """

    def __init__(self, subnet: dict[str, Any], first: int, end: int | None = None) -> None:
        super().__init__()
        self.subnet = subnet
        self.net = MODELS.build(subnet)
        stages = range(first, self.net.space.family.stages if end is None else end)
        self.net.out_indices = (stages[-1],)
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
        stages: The number of stages that it has.
    """

    def __init__(self, subnet: dict[str, Any], stages: int) -> None:
        super().__init__(subnet, -1, stages)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Compute the features of images: (N, C, H, W) -> ((N, C', H', W'),)."""
        return self.net(x)


@MODELS.register_module()
class SubnetSharedHead(_Half):
    """The last stages of a subnet and a norm, as a shared head of mmdet.

    The norm after them is as in MoCo's detection benchmark (He et al., CVPR 2020).

    Args:
        subnet: Config of the whole subnet, which may not be frozen.
        stages: The number of stages that the trunk has; the others are here.
    """

    def __init__(self, subnet: dict[str, Any], stages: int) -> None:
        super().__init__(subnet, stages)
        [shape] = self.net.output_shapes()
        norm_cfg = subnet.get('norm_cfg', self.net.space.family.norm)
        self.norm = static_layers(norm_cfg).norm(shape.channels)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the features of regions: (R, C, H, W) -> (R, C', H', W')."""
        [x] = self.net(x)
        return self.norm(x)
