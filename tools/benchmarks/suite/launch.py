"""How a run's processes are started."""

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

import torch

from gaia_ssl.utils import UserError

from .tasks import ROOT

RUNNER = ROOT / 'tools' / 'benchmarks' / 'downstream.py'


class Launch(NamedTuple):
    """How a run's processes are started.

    Attributes:
        launcher: ``'none'`` for a process, ``'pytorch'`` for several on this machine, ``'slurm'``
            for several under slurm.
        gpus: How many, where there are several.
        partition: Of slurm.
    """

    launcher: str = 'none'
    gpus: int = 1
    partition: str | None = None

    def command(self, job: str, arguments: Sequence[str]) -> list[str]:
        """The command line that runs ``tools/benchmarks/downstream.py``.

        Args:
            job: What slurm calls it.
            arguments: Those of the script.
        """
        python = [sys.executable]
        if self.launcher == 'pytorch':
            # --standalone finds a free port for each of those side by side
            python += ['-m', 'torch.distributed.run', '--standalone']
            python += [f'--nproc_per_node={self.gpus}', '--']
        elif self.launcher == 'slurm':
            per_node = min(self.gpus, int(os.environ.get('GPUS_PER_NODE', 8)))
            srun = ['srun', '-p', self.partition, f'--job-name={job}', f'--gres=gpu:{per_node}']
            srun += [f'--ntasks={self.gpus}', f'--ntasks-per-node={per_node}']
            srun += [f'--cpus-per-task={os.environ.get("CPUS_PER_TASK", 5)}']
            python = [*srun, '--kill-on-bad-exit=1', *python, '-u']
        return [*python, str(RUNNER), *arguments, '--launcher', self.launcher]

    def lanes(self, jobs: int) -> list[dict[str, str]]:
        """The GPUs of each of the runs side by side, as environment variables; none without GPUs.

        Raises:
            UserError: If there are too few GPUs.
        """
        count = torch.cuda.device_count()
        if not count:
            return []
        if jobs * self.gpus > count:
            raise UserError(
                f'--jobs {jobs}, --gpus {self.gpus}: {jobs * self.gpus} GPUs are needed and there '
                f'are {count}'
            )
        named = os.environ.get('CUDA_VISIBLE_DEVICES')
        devices = named.split(',') if named else list(map(str, range(count)))
        starts = range(0, jobs * self.gpus, self.gpus)
        return [dict(CUDA_VISIBLE_DEVICES=','.join(devices[k : k + self.gpus])) for k in starts]
