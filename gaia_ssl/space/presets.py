"""The spaces known by name."""

from collections.abc import Mapping
from typing import Any

from gaia_ssl.utils.errors import UserError

from .families import ResNetFamily
from .space import SearchSpace


def _grid(low: int, high: int, by: int) -> tuple[int, ...]:
    return tuple(range(low, high + 1, by))


def _grids(lows: list[int], highs: list[int], bys: list[int]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(_grid, lows, highs, bys))


# The space of the paper (DATA, CVPR 2022): 85,293 archs around ResNet-50 to ResNet-101.
AR50TO101 = SearchSpace(
    name='ar50to101',
    family=ResNetFamily(),
    choices=dict(
        stem_width=_grid(32, 64, 16),
        width=_grids([48, 96, 192, 384], [80, 160, 320, 640], [16, 32, 64, 128]),
        depth=_grids([2, 2, 5, 2], [4, 6, 29, 4], [1, 2, 2, 1]),
    ),
    named=dict(
        R50=dict(stem_width=64, width=[64, 128, 256, 512], depth=[3, 4, 6, 3]),
        R77=dict(stem_width=64, width=[64, 128, 256, 512], depth=[3, 4, 15, 3]),
        R101=dict(stem_width=64, width=[64, 128, 256, 512], depth=[3, 4, 23, 3]),
    ),
)

# For images of 32 to 128 px on a CPU; MAX is 45 M multiply-adds at 128 px.
TINY10TO22 = SearchSpace(
    name='tiny10to22',
    family=ResNetFamily(block='basic', stem='3x3s2'),
    choices=dict(
        stem_width=_grid(8, 12, 4),
        width=_grids([8, 16, 32, 64], [16, 32, 64, 128], [4, 8, 16, 32]),
        depth=_grids([1, 1, 1, 1], [2, 3, 3, 2], [1, 1, 1, 1]),
    ),
    named=dict(R18=dict(stem_width=12, width=[16, 32, 64, 128], depth=[2, 2, 2, 2])),
)

SPACES = {space.name: space for space in (AR50TO101, TINY10TO22)}


def get_space(space: str | Mapping[str, Any] | SearchSpace) -> SearchSpace:
    """A space by its name, from its data (see ``SearchSpace.from_dict``), or as it is.

    Raises:
        UserError: If no space has that name, or the data is no space.
    """
    if isinstance(space, SearchSpace):
        return space
    if isinstance(space, Mapping):
        return SearchSpace.from_dict(dict(space))
    if space not in SPACES:
        raise UserError(f'space: {space!r} is unknown; choose from {", ".join(SPACES)}')
    return SPACES[space]
