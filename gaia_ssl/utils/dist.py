"""Process groups of distributed commands, with and without GPUs."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from mmengine.dist import init_dist

from .errors import UserError

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


@contextmanager
def process_group(launcher: str, local_rank: int = 0) -> Iterator[None]:
    """Hold a process group open: nccl with GPUs, gloo without.

    The processes leave together. If one fails it does not wait; the launcher ends the others.

    Args:
        launcher: ``'none'``, or the launcher of the processes, as in MMEngine.
        local_rank: Local rank of this process, for launchers that do not set it.

    Raises:
        UserError: If there are fewer GPUs than processes, or no GPU and a launcher other than
            ``'pytorch'`` (torchrun).
    """
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    if launcher == 'none':
        yield
        return
    # a collective operation that waits for an ended process never returns to Python's handlers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _start(launcher)
    yield
    dist.barrier()  # the first process to exit would end those that still save
    dist.destroy_process_group()
    # a thread of gloo takes Python's global lock to release the barrier; doing so while Python
    # shuts down aborts the process
    time.sleep(0.1)


def _start(launcher: str) -> None:
    """Initialise the process group; without GPUs MMEngine stops at ``torch.cuda.set_device``."""
    if torch.cuda.is_available():
        number, rank = torch.cuda.device_count(), int(os.environ['LOCAL_RANK'])
        if rank >= number:
            raise UserError(
                f'GPUS: process {rank + 1} on this machine has no GPU, there are {number}; '
                'start no more processes than GPUs'
            )
        init_dist(launcher)
        return
    if launcher != 'pytorch' or 'RANK' not in os.environ:
        raise UserError(
            f'launcher: {launcher!r} cannot start processes here; without GPUs use '
            'tools/dist_*.sh, which call torchrun'
        )
    dist.init_process_group('gloo')
