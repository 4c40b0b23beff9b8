"""Choose the backbone stages that feed a feature pyramid."""

from gaia_ssl.space import Shape


def pyramid_stages(shapes: list[Shape], levels: int = 4) -> list[int]:
    """Choose the stages that a feature pyramid is built on.

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
