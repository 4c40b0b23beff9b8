"""The preset search spaces, by name."""

from collections.abc import Mapping
from typing import Any

from gaia_ssl.utils.errors import UserError

from .families import MobileNetFamily, ResNetFamily
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

# After ar50to101, with basic blocks: around ResNet-18 to ResNet-34.
AR18TO34 = SearchSpace(
    name='ar18to34',
    family=ResNetFamily(block='basic'),
    choices=dict(
        stem_width=_grid(32, 64, 16),
        width=_grids([48, 96, 192, 384], [80, 160, 320, 640], [16, 32, 64, 128]),
        depth=_grids([2, 2, 2, 2], [4, 6, 10, 4], [1, 2, 2, 1]),
    ),
    named=dict(
        R18=dict(stem_width=64, width=[64, 128, 256, 512], depth=[2, 2, 2, 2]),
        R34=dict(stem_width=64, width=[64, 128, 256, 512], depth=[3, 4, 6, 3]),
    ),
)

# After ar50to101, with grouped convolutions: around ResNeXt-50 to ResNeXt-101, 24 to 40 groups.
AX50TO101 = SearchSpace(
    name='ax50to101',
    family=ResNetFamily(expansion=2, group_widths=(4, 8, 16, 32)),
    choices=dict(
        stem_width=_grid(32, 64, 16),
        width=_grids([96, 192, 384, 768], [160, 320, 640, 1280], [32, 64, 128, 256]),
        depth=_grids([2, 2, 5, 2], [4, 6, 29, 4], [1, 2, 2, 1]),
    ),
    named=dict(
        # 32x4d
        X50=dict(stem_width=64, width=[128, 256, 512, 1024], depth=[3, 4, 6, 3]),
        X101=dict(stem_width=64, width=[128, 256, 512, 1024], depth=[3, 4, 23, 3]),
    ),
)

# Around MobileNetV2, elastic where its channels are many: 12 to 22 inverted residuals.
MB12TO22 = SearchSpace(
    name='mb12to22',
    family=MobileNetFamily(),
    choices=dict(
        stem_width=_grid(24, 32, 8),
        width=((16,), (24,), (32,), (48, 64, 80), (72, 96, 120), (128, 160, 192), (320,)),
        depth=((1,), (2,), (2, 4), (2, 4, 6), (2, 4), (2, 4), (1,)),
        kernel=((3,), (3,), (3,), (3, 5, 7), (3, 5, 7), (3, 5, 7), (3,)),
        expansion=((1,), (6,), (6,), (6,), (3, 6), (3, 6), (6,)),
    ),
    named=dict(
        MBV2=dict(
            stem_width=32,
            width=[16, 24, 32, 64, 96, 160, 320],
            depth=[1, 2, 3, 4, 3, 3, 1],
            kernel=[3] * 7,
            expansion=[1] + [6] * 6,
        ),
    ),
)

# Warm starts: MAX is a network that everyone has, and there is room below it for small devices.
# MAX is ResNet-50; R26 has two blocks in each stage.
AR26TO50 = SearchSpace(
    name='ar26to50',
    family=ResNetFamily(),
    choices=dict(
        stem_width=_grid(32, 64, 16),
        width=_grids([32, 64, 128, 256], [64, 128, 256, 512], [16, 32, 64, 128]),
        depth=_grids([2, 2, 2, 2], [3, 4, 6, 3], [1, 1, 1, 1]),
    ),
    named=dict(
        R50=dict(stem_width=64, width=[64, 128, 256, 512], depth=[3, 4, 6, 3]),
        R26=dict(stem_width=64, width=[64, 128, 256, 512], depth=[2, 2, 2, 2]),
    ),
)

# MAX is ResNet-101.
AR26TO101 = SearchSpace(
    name='ar26to101',
    family=ResNetFamily(),
    choices=dict(
        stem_width=_grid(32, 64, 16),
        width=_grids([32, 64, 128, 256], [64, 128, 256, 512], [16, 32, 64, 128]),
        depth=_grids([2, 2, 2, 2], [3, 4, 23, 3], [1, 1, 3, 1]),
    ),
    named=dict(
        R101=dict(stem_width=64, width=[64, 128, 256, 512], depth=[3, 4, 23, 3]),
        R50=dict(stem_width=64, width=[64, 128, 256, 512], depth=[3, 4, 6, 3]),
        R26=dict(stem_width=64, width=[64, 128, 256, 512], depth=[2, 2, 2, 2]),
    ),
)

# MAX is ResNet-18, whose stem is as wide as its first stage; R10 has one block in each stage.
AR10TO18 = SearchSpace(
    name='ar10to18',
    family=ResNetFamily(block='basic', tied_stem=True),
    choices=dict(
        width=_grids([32, 64, 128, 256], [64, 128, 256, 512], [8, 16, 32, 64]),
        depth=_grids([1, 1, 1, 1], [2, 2, 2, 2], [1, 1, 1, 1]),
    ),
    named=dict(
        R18=dict(width=[64, 128, 256, 512], depth=[2, 2, 2, 2]),
        R10=dict(width=[64, 128, 256, 512], depth=[1, 1, 1, 1]),
    ),
)

# MAX is ResNet-34.
AR10TO34 = SearchSpace(
    name='ar10to34',
    family=ResNetFamily(block='basic', tied_stem=True),
    choices=dict(
        width=_grids([32, 64, 128, 256], [64, 128, 256, 512], [16, 32, 64, 128]),
        depth=_grids([1, 1, 1, 1], [3, 4, 6, 3], [1, 1, 1, 1]),
    ),
    named=dict(
        R34=dict(width=[64, 128, 256, 512], depth=[3, 4, 6, 3]),
        R18=dict(width=[64, 128, 256, 512], depth=[2, 2, 2, 2]),
        R10=dict(width=[64, 128, 256, 512], depth=[1, 1, 1, 1]),
    ),
)

# MAX is ResNeXt-50 32x4d; MIN has half its groups.
AX26TO50 = SearchSpace(
    name='ax26to50',
    family=ResNetFamily(expansion=2, group_widths=(4, 8, 16, 32)),
    choices=dict(
        stem_width=_grid(32, 64, 16),
        width=_grids([64, 128, 256, 512], [128, 256, 512, 1024], [32, 64, 128, 256]),
        depth=_grids([2, 2, 2, 2], [3, 4, 6, 3], [1, 1, 1, 1]),
    ),
    named=dict(
        X50=dict(stem_width=64, width=[128, 256, 512, 1024], depth=[3, 4, 6, 3]),
        X26=dict(stem_width=64, width=[128, 256, 512, 1024], depth=[2, 2, 2, 2]),
    ),
)

# MAX is MobileNetV2, up to its 320 channels: 7 to 17 inverted residuals.
MB7TO17 = SearchSpace(
    name='mb7to17',
    family=MobileNetFamily(),
    choices=dict(
        stem_width=(16, 32),
        width=((8, 16), (16, 24), (16, 32), (32, 48, 64), (48, 72, 96), (80, 120, 160), (160, 320)),
        depth=((1,), (1, 2), (1, 3), (2, 4), (1, 3), (1, 3), (1,)),
        kernel=((3,),) * 7,
        expansion=((1,), (6,), (6,), (6,), (3, 6), (3, 6), (6,)),
    ),
    named=dict(
        MBV2=dict(
            stem_width=32,
            width=[16, 24, 32, 64, 96, 160, 320],
            depth=[1, 2, 3, 4, 3, 3, 1],
            kernel=[3] * 7,
            expansion=[1] + [6] * 6,
        ),
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

# Likewise; four stages, the last at stride 16.
TINYMB4TO8 = SearchSpace(
    name='tinymb4to8',
    family=MobileNetFamily(strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1)),
    choices=dict(
        stem_width=(8, 12),
        width=((8,), (12, 16), (24, 32), (48, 64)),
        depth=((1,), (1, 2), (1, 2, 3), (1, 2)),
        kernel=((3,), (3,), (3, 5), (3, 5)),
        expansion=((1,), (2, 4), (2, 4), (2, 4)),
    ),
)

SPACES = {
    space.name: space
    for space in (
        AR50TO101,
        AR18TO34,
        AX50TO101,
        MB12TO22,
        AR26TO50,
        AR26TO101,
        AR10TO18,
        AR10TO34,
        AX26TO50,
        MB7TO17,
        TINY10TO22,
        TINYMB4TO8,
    )
}
"""The preset spaces by name."""


def get_space(space: str | Mapping[str, Any] | SearchSpace) -> SearchSpace:
    """Get a space by its name, from its data (see ``SearchSpace.from_dict``), or as it is.

    Raises:
        UserError: If no space has that name, or the data is not a space.
    """
    if isinstance(space, SearchSpace):
        return space
    if isinstance(space, Mapping):
        return SearchSpace.from_dict(dict(space))
    if space not in SPACES:
        raise UserError(f'space: {space!r} is unknown; choose from {", ".join(SPACES)}')
    return SPACES[space]
