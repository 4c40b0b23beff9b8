"""Subnets as other runtimes run them: from 8-bit images to feature maps or vectors."""

import torch
import torch.nn as nn
from torch import Tensor

from gaia_ssl.downstream.subnet import Normalisation
from gaia_ssl.models.backbones.base import SubnetBackbone


class DeployedSubnet(nn.Module):
    """A subnet with the normalisation of its images, in eval mode.

    Colour images are RGB, whatever order the pretraining had.

    Args:
        net: The subnet; from then on it returns the outputs that are asked for.
        normalisation: The pretraining's.
        pooled: Return the last stage's map averaged over positions, not a map per stage. Defaults
            to False.

    Attributes:
        outputs: Names of the outputs.
        about: The input and the outputs in a sentence.
    """

    mean: Tensor | None  # (C, 1, 1), on the scale 0 to 255, as std
    std: Tensor | None

    def __init__(
        self, net: SubnetBackbone, normalisation: Normalisation, pooled: bool = False
    ) -> None:
        super().__init__()
        self.net = net
        self.pooled = pooled
        self.in_channels = net.space.family.in_channels
        self.bgr = self.in_channels == 3 and not normalisation.to_rgb
        for name, values in (('mean', normalisation.mean), ('std', normalisation.std)):
            value = None if values is None else torch.tensor(values).view(-1, 1, 1)
            self.register_buffer(name, value)
        stages = range(len(net.active_path.stages))
        net.out_indices = tuple(stages[-1:] if pooled else stages)
        self.outputs = ['features'] if pooled else [f'stage{stage + 1}' for stage in stages]
        order = ' RGB' if self.in_channels == 3 else ''
        self.about = (
            f'images: 8-bit{order}, uint8 (N, {self.in_channels}, H, W), normalised inside; '
            f'{", ".join(self.outputs)}: float32 {"(N, C)" if pooled else "(N, C, H, W)"}'
        )
        self.eval()

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Compute features.

        Args:
            images: 8-bit images, uint8 (N, C, H, W).

        Returns:
            One map (N, C_i, H_i, W_i) per stage, or if pooled (N, C) of the last.
        """
        x = images.float()
        if self.bgr:
            x = x.flip(1)
        if self.mean is not None and self.std is not None:
            x = (x - self.mean) / self.std
        maps = self.net(x)
        return maps[-1].mean((2, 3)) if self.pooled else maps  # (N, C, H, W) -> (N, C)
