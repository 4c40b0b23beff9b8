"""A frozen teacher as a supernet's encoder: its embedding, and a map for each stage."""

from collections.abc import Collection

import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.space import SearchSpace

from .frozen import FrozenTeacher


class FrozenEncoder:
    """A frozen teacher whose features are comparable with those of a supernet's subnets.

    Args:
        teacher: The teacher.
        embedding_map: Maps its embeddings, (N, D), to those that the subnets are compared with.
        space: The space of the supernet.
    """

    def __init__(
        self, teacher: FrozenTeacher, embedding_map: nn.Module, space: SearchSpace
    ) -> None:
        self.teacher = teacher
        self.embedding_map = embedding_map
        self.space = space

    @property
    def num_maps(self) -> int:
        """The number of the teacher's feature maps."""
        return self.teacher.num_maps

    def channels(self, stage: int) -> int:
        """Channels of the map for a stage, from 0; those of the embedding without maps."""
        if not self.num_maps:
            return self.teacher.channels
        return self.teacher.map_channels[
            self._index(stage, len(self.space.path(self.space.max).stages))
        ]

    def __call__(self, images: Tensor, stages: Collection[int]) -> tuple[Tensor, dict[int, Tensor]]:
        """Compute the teacher's features of images that are normalised for the supernet.

        The teacher's maps and the supernet's stages are matched from the last one backward; stages
        before the first map have that one. A map is resized to the stage's height and width.

        Args:
            images: (N, C, H, W).
            stages: The stages, from 0, to give a map for.

        Returns:
            The mapped embeddings, (N, K), and by stage a map, (N, C_t, H_s, W_s).
        """
        features = self.teacher(images)
        height, width = images.shape[2:]
        shapes = self.space.family.output_shapes(self.space.max, (height, width))
        maps = {}
        for stage in stages:
            feature = features.maps[self._index(stage, len(shapes))]
            maps[stage] = _resize(feature, shapes[stage].size)
        return self.embedding_map(features.embedding.float()), maps

    def _index(self, stage: int, stages: int) -> int:
        """The index of the map for a stage, counted from the end."""
        return max(stage - stages, -self.num_maps)


def _resize(feature: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a map, (N, C, H, W); a smaller one is made of averages."""
    if feature.shape[2:] == size:
        return feature
    return F.interpolate(feature.float(), size, mode='bilinear', antialias=True)
