"""The base class of teacher networks, which give images an embedding and feature maps."""

import math
from abc import abstractmethod
from typing import NamedTuple

import torch
import torch.nn as nn
from torch import Tensor

from gaia_ssl.utils import UserError

from .normalisation import Normalisation

POOLS = ('cls', 'mean')


class Features(NamedTuple):
    """A teacher's features of N images.

    Attributes:
        embedding: One vector per image, (N, D).
        maps: Feature maps from early to late, each (N, C, H, W); none if the network has none.
    """

    embedding: Tensor
    maps: tuple[Tensor, ...] = ()


class TeacherNetwork(nn.Module):
    """A pretrained network of any library, called with images, that returns ``Features``.

    A subclass is an adapter of a library: it builds the network and loads its weights.

    Args:
        pool: The embedding of a network of tokens: ``'cls'``, the class token where there is one,
            or ``'mean'``, the mean of the positions. Defaults to ``'cls'``.

    Attributes:
        normalisation: The normalisation that its weights were trained with; None if the network
            does not tell.
        told: The normalisation that their checkpoint tells, if any; no other fits.
        input_size: The side of the images that it runs on, in pixels; None if on any.
        states_images: Whether the network tells the size and normalisation of its images, as far
            as they matter; if not, the config must.
        identity: Plain data that identifies the network beside its weights and settings.

    Raises:
        UserError: If ``pool`` is unknown.
    """

    normalisation: Normalisation | None = None
    told: Normalisation | None = None
    input_size: int | None = None
    states_images: bool = True
    identity: str | None = None

    def __init__(self, pool: str = 'cls') -> None:
        super().__init__()
        if pool not in POOLS:
            raise UserError(f'model.teacher.pool: {pool!r} is not one of {", ".join(POOLS)}')
        self.pool = pool

    @abstractmethod
    def forward(self, images: Tensor) -> Features:
        """The features of normalised images, (N, C, H, W)."""

    def freeze(self) -> None:
        """Switch to evaluation, without gradients, and to the faster order of weights."""
        self.eval()
        self.requires_grad_(False)
        # torch's stubs lack the argument
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def from_tokens(self, tokens: Tensor, extra: int) -> Features:
        """The features of tokens, (N, L, D), the first ``extra`` of which are no positions.

        The positions become a map if they are those of a square.
        """
        positions = tokens[:, extra:]
        has_class = extra > 0 and self.pool == 'cls'
        embedding = tokens[:, 0] if has_class else positions.mean(1)
        side = math.isqrt(positions.size(1))
        if not side or side * side != positions.size(1):
            return Features(embedding)
        # (N, HW, D) -> (N, D, H, W)
        grid = positions.transpose(1, 2).unflatten(2, (side, side))
        return Features(embedding, (grid,))
