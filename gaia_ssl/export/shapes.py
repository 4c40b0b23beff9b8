"""What the stages of an arch put out: the numbers that necks and heads are sized by."""

from typing import NamedTuple

from gaia_ssl.space import Arch, Family

_SIDE = 1 << 16  # pixels; divides by any stride


class Shape(NamedTuple):
    """A stage's feature map.

    Attributes:
        channels: Its channels.
        stride: Pixels of the image per cell.
    """

    channels: int
    stride: int


def stage_shapes(family: Family, arch: Arch) -> list[Shape]:
    """The shape of each stage's output, read off the steps of the arch's path."""
    size, shapes = (_SIDE, _SIDE), []
    for segment in family.segments(arch):
        channels = family.in_channels_of(segment)
        for step in family.steps(segment):
            _, size = family.step_cost(step, channels, size)
            channels = step.out_channels
        shapes.append(Shape(channels, _SIDE // size[0]))
    return shapes[1:]  # the stem comes first


def pyramid(shapes: list[Shape], levels: int = 4) -> list[int]:
    """The stages that a feature pyramid is built on.

    Args:
        shapes: The shape of each stage's output.
        levels: How many at most. Defaults to 4.

    Returns:
        Indices of stages, finest first: all of them, or if they are too many the last one of
        each of the coarsest strides.
    """
    if len(shapes) <= levels:
        return list(range(len(shapes)))
    last = {shape.stride: index for index, shape in enumerate(shapes)}
    return sorted(last.values())[-levels:]
