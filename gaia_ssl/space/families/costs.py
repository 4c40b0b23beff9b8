"""Costs of single layers (multiply-adds, parameters, memory), which families sum up."""

from .base import Cost, Size


def conv(
    in_channels: int,
    out_channels: int,
    kernel: int,
    size: Size,
    out_size: Size,
    groups: int = 1,
    waiting: int = 0,
    bias: bool = False,
) -> Cost:
    """Cost of a convolution; a linear layer on every cell is one with a kernel of 1.

    Args:
        in_channels: Channels of its input.
        out_channels: Channels of its output.
        kernel: Side of its kernel.
        size: Size of its input.
        out_size: Size of its output.
        groups: Its groups. Defaults to 1.
        waiting: Bytes of other activations that a later layer still needs. Defaults to 0.
        bias: Add a bias. Defaults to False.
    """
    weights = in_channels // groups * out_channels * kernel * kernel
    return Cost(
        weights * out_size[0] * out_size[1],
        weights + (out_channels if bias else 0),
        nbytes(in_channels, size) + nbytes(out_channels, out_size) + waiting,
    )


def norm(channels: int, size: Size, waiting: int = 0) -> Cost:
    """Cost of a norm with a weight and a bias per channel.

    Args:
        channels: Its channels.
        size: Size of its input.
        waiting: Bytes of other activations that a later layer still needs. Defaults to 0.
    """
    return Cost(0, 2 * channels, 2 * nbytes(channels, size) + waiting)


def conv_norm(
    in_channels: int,
    out_channels: int,
    kernel: int,
    size: Size,
    out_size: Size,
    groups: int = 1,
    waiting: int = 0,
) -> Cost:
    """Cost of a convolution without bias and of its batch norm, which may run in place.

    Args:
        in_channels: Channels of the convolution's input.
        out_channels: Channels of its output.
        kernel: Side of its kernel.
        size: Size of its input.
        out_size: Size of its output.
        groups: Its groups. Defaults to 1.
        waiting: Bytes of other activations that a later layer still needs. Defaults to 0.
    """
    cost = conv(in_channels, out_channels, kernel, size, out_size, groups, waiting)
    return cost._replace(params=cost.params + 2 * out_channels)


def nbytes(channels: int, size: Size) -> int:
    """The bytes of one image's feature map in float32."""
    return 4 * channels * size[0] * size[1]
