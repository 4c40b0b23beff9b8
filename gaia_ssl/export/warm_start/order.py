"""Order the channels of a network by importance, so that a subnet's first channels matter most."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .streams import Stream

_NORM = ('weight', 'bias', 'running_mean', 'running_var')


def sort_channels(
    weights: Mapping[str, Tensor], streams: Sequence[Stream]
) -> tuple[dict[str, Tensor], dict[int, list[int]]]:
    """Reorder every stream by falling importance; the network's output changes in order alone.

    Args:
        weights: The network's state dict.
        streams: All of its streams.

    Returns:
        The reordered state dict, and by stage (-1 is the stem) the former index of each channel of
        its output.
    """
    ordered = dict(weights)
    orders: dict[int, list[int]] = {}
    for stream in streams:
        order = _order(importance(weights, stream), stream.unit)
        for conv, norm in (*stream.writers, *stream.keepers):
            for key in (f'{conv}.weight', *(f'{norm}.{name}' for name in _NORM)):
                ordered[key] = ordered[key][order]
        for reader in stream.readers:
            ordered[f'{reader}.weight'] = ordered[f'{reader}.weight'][:, order]
        orders |= {stage: order.tolist() for stage in stream.stages}
    return ordered, orders


def importance(weights: Mapping[str, Tensor], stream: Stream) -> Tensor:
    """Compute the importance of each channel of a stream.

    It is the L1 norm of the weights that read the channel, as in once-for-all networks (Cai et
    al., ICLR 2020). Where the backbone has no reader, at its end, it is that of the weights that
    write the channel, times their norm's factor.

    Args:
        weights: The network's state dict.
        stream: The stream.

    Returns:
        One number per channel, (C,).
    """
    if stream.readers:
        reading = (weights[f'{name}.weight'].double().abs() for name in stream.readers)
        return torch.stack([w.sum((0, 2, 3)) for w in reading]).sum(0)  # (O, C, k, k) -> (C,)
    writing = (
        weights[f'{conv}.weight'].double().abs().sum((1, 2, 3))  # (C, I, k, k) -> (C,)
        * weights[f'{norm}.weight'].abs()
        / (weights[f'{norm}.running_var'] + 1e-5).sqrt()
        for conv, norm in stream.writers
    )
    return torch.stack(list(writing)).sum(0)


def _order(values: Tensor, unit: int) -> Tensor:
    """The indices of channels by falling sums over their units."""
    units = values.view(-1, unit).sum(1).argsort(descending=True, stable=True)
    return (units[:, None] * unit + torch.arange(unit)).flatten()
