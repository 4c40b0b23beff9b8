"""Batch norms that use the statistics of fixed groups of images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
import torch.nn as nn
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from torch import Tensor


@contextmanager
def group_statistics(modules: Iterable[nn.Module], sizes: Sequence[int]) -> Iterator[None]:
    """Evaluate networks with each batch norm using the statistics of a group of images.

    The running statistics of a supernet belong to no subnet, so they are neither used nor moved.
    Nothing is synchronised between processes: a group is whole in one of them.

    Args:
        modules: The networks; they are in eval mode meanwhile.
        sizes: The sizes of the groups that a batch consists of, in order.
    """
    modules = dict.fromkeys(m for module in modules for m in module.modules())
    modes = {module: module.training for module in modules}
    norms = [module for module in modules if isinstance(module, _BatchNorm)]
    kept = {n: (n.running_mean, n.running_var, n.track_running_stats) for n in norms}
    try:
        for module in modules:
            module.training = False
        for norm in norms:
            # a norm in eval mode that has no running statistics uses, and keeps, the batch's
            norm.running_mean = norm.running_var = None
            norm.track_running_stats = False
            if len(sizes) > 1:
                norm.forward = partial(_by_group, norm.forward, list(sizes))
        yield
    finally:
        for norm, (mean, var, track) in kept.items():
            norm.__dict__.pop('forward', None)
            norm.running_mean, norm.running_var = mean, var
            norm.track_running_stats = track
        for module, mode in modes.items():
            module.training = mode


def _by_group(forward: Callable[[Tensor], Tensor], sizes: list[int], x: Tensor) -> Tensor:
    return torch.cat([forward(group) for group in x.split(sizes)])
