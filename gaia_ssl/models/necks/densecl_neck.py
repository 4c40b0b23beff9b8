"""Neck of DenseCL with batch norms."""

import torch.nn as nn
from mmengine.model import BaseModule
from torch import Tensor

from gaia_ssl.registry import MODELS


@MODELS.register_module()
class NormedDenseCLNeck(BaseModule):
    """Two projectors, one for the whole image and one for each position.

    The embeddings of mmpretrain's ``DenseCLNeck`` (Wang et al., CVPR 2021) hardly differ from one
    another for the first thousands of iterations. Here a batch norm follows each layer, as in
    SimCLR, so that short trainings learn, too.

    Args:
        in_channels: Channels of the backbone's features.
        hid_channels: Channels of the hidden layers.
        out_channels: Channels of the embeddings.
    """

    def __init__(self, in_channels: int, hid_channels: int, out_channels: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hid_channels, bias=False),
            nn.BatchNorm1d(hid_channels),
            nn.ReLU(inplace=True),
            nn.Linear(hid_channels, out_channels, bias=False),
            nn.BatchNorm1d(out_channels, affine=False),
        )
        self.mlp2 = nn.Sequential(
            nn.Conv2d(in_channels, hid_channels, 1, bias=False),
            nn.BatchNorm2d(hid_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(hid_channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels, affine=False),
        )

    def forward(self, x: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
        """Embed the image and its positions.

        Args:
            x: The backbone's features, one map of (N, C, H, W).

        Returns:
            The image's embedding (N, D), its positions' (N, D, HW) and the mean of those (N, D).
        """
        whole = self.mlp(x[0].mean((2, 3)))
        grid = self.mlp2(x[0]).flatten(2)  # (N, D, H, W) -> (N, D, HW)
        return whole, grid, grid.mean(2)
