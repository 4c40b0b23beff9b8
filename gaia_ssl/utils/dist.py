"""Starting several processes, with GPUs and without."""

import os

import torch
import torch.distributed as dist
from mmengine.dist import init_dist as mmengine_init_dist

from .errors import UserError

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


def init_dist(launcher: str, **kwargs) -> None:
    """Initialise the process group: nccl with GPUs, gloo without.

    MMEngine starts processes with GPUs; without, it stops at ``torch.cuda.set_device``.

    Args:
        launcher: ``'none'``, or what started the processes, as in MMEngine.
        kwargs: Passed to ``torch.distributed.init_process_group``.

    Raises:
        UserError: If there is no GPU and the launcher is not ``'pytorch'`` (torchrun).
    """
    if launcher == 'none' or dist.is_initialized():
        return
    if torch.cuda.is_available():
        mmengine_init_dist(launcher, **kwargs)
        return
    if launcher != 'pytorch' or 'RANK' not in os.environ:
        raise UserError(
            f'--launcher: {launcher!r} cannot start processes here; without GPUs use '
            'tools/dist_*.sh, which call torchrun'
        )
    dist.init_process_group('gloo')
