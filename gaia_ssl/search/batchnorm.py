"""Evaluate networks with the batch-norm statistics of the search images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from torch import Tensor

from gaia_ssl.models.layers import batch_norms

Statistics = Callable[[Iterable[nn.Module], Sequence[int]], AbstractContextManager[None]]
"""A context in which the batch norms of networks take their statistics from a batch's groups."""


def group_statistics(
    modules: Iterable[nn.Module], sizes: Sequence[int]
) -> AbstractContextManager[None]:
    """Evaluate networks with each batch norm using the statistics of a group of images.

    The running statistics of a supernet belong to no subnet, so they are neither used nor moved.
    Nothing is synchronised between processes, as each group lies in one of them. Networks without
    batch norms just run in eval mode.

    Args:
        modules: The networks; they are in eval mode meanwhile.
        sizes: The sizes of the groups that a batch consists of, in order; a whole number of such
            batches may come at once.
    """
    return _batch_statistics(modules, partial(_by_group, list(sizes)))


def set_statistics(
    modules: Iterable[nn.Module], sizes: Sequence[int]
) -> AbstractContextManager[None]:
    """Evaluate networks with each batch norm using the statistics of all images.

    Each path is thereby calibrated on the whole search set. The batch holds all images of a
    process; all processes run the same steps in the same order.

    Args:
        modules: The networks; they are in eval mode meanwhile.
        sizes: The sizes of the groups that a batch consists of; they are not used.
    """
    several = dist.is_initialized() and dist.get_world_size() > 1
    return _batch_statistics(modules, _over_processes if several else None)


def own_statistics(
    modules: Iterable[nn.Module], sizes: Sequence[int]
) -> AbstractContextManager[None]:
    """Evaluate networks with each batch norm using the statistics of the batch of this process.

    Args:
        modules: The networks; they are in eval mode meanwhile.
        sizes: The sizes of the groups that a batch consists of; they are not used.
    """
    return _batch_statistics(modules, None)


@contextmanager
def _batch_statistics(
    modules: Iterable[nn.Module], forward: Callable[[_BatchNorm, Tensor], Tensor] | None
) -> Iterator[None]:
    """Let batch norms use the statistics of their batch, with another ``forward`` if given."""
    modules = dict.fromkeys(m for module in modules for m in module.modules())
    modes = {module: module.training for module in modules}
    norms = batch_norms(*modules)
    kept = {n: (n.running_mean, n.running_var, n.track_running_stats) for n in norms}
    try:
        for module in modules:
            module.training = False
        for norm in norms:
            # a norm in eval mode that has no running statistics uses, and keeps, the batch's
            norm.running_mean = norm.running_var = None
            norm.track_running_stats = False
            if forward is not None:
                norm.forward = partial(forward, norm)
        yield
    finally:
        for norm, (mean, var, track) in kept.items():
            norm.__dict__.pop('forward', None)
            norm.running_mean, norm.running_var = mean, var
            norm.track_running_stats = track
        for module, mode in modes.items():
            module.training = mode


def _by_group(sizes: list[int], norm: _BatchNorm, x: Tensor) -> Tensor:
    groups = x.split(sizes * (len(x) // sum(sizes)))
    normed = [type(norm).forward(norm, group) for group in groups]
    return normed[0] if len(normed) == 1 else torch.cat(normed)


def _over_processes(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Normalise with mean and variance over the images of all processes."""
    channels = x.size(1)
    var, mean = torch.var_mean(x.float(), [d for d in range(x.dim()) if d != 1], correction=0)
    count = mean.new_full((1,), x.numel() / channels)
    # (2C + 1) -> (processes, 2C + 1)
    own = torch.cat([mean, var, count]).double()
    parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, own)
    means, variances, counts = torch.stack(parts).split([channels, channels, 1], dim=1)
    shares = counts / counts.sum()
    mean = (shares * means).sum(0)
    # the variance within the processes and the one between them
    var = (shares * (variances + (means - mean).square())).sum(0)
    weight, bias = (p if p is None else p[:channels] for p in (norm.weight, norm.bias))
    return F.batch_norm(x, mean.float(), var.float(), weight, bias, eps=norm.eps)
