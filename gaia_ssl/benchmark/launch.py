"""Build the command lines that start the processes of a run."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from gaia_ssl.utils import UserError
from gaia_ssl.utils.paths import TOOLS

RUNNER = TOOLS / 'benchmarks' / 'downstream.py'
UNDER_SLURM = RUNNER.with_name('slurm_downstream.sh')


class Launch(NamedTuple):
    """A launcher and its settings.

    Attributes:
        launcher: ``'none'`` for a process, ``'pytorch'`` for several on this machine, ``'slurm'``
            for several under slurm.
        gpus: The number of GPUs, or processes.
        partition: The partition of slurm.
    """

    launcher: str = 'none'
    gpus: int = 1
    partition: str | None = None

    def command(
        self,
        action: str,
        job: str,
        config: Path,
        subnet: Path,
        checkpoint: Sequence[str],
        options: Sequence[str],
    ) -> list[str]:
        """The command line of ``tools/benchmarks/downstream.py``.

        Args:
            action: ``'train'`` or ``'test'``.
            job: Its name under slurm.
            config: The config.
            subnet: The extracted folder.
            checkpoint: The checkpoint of ``'test'``; empty for ``'train'``.
            options: Further ones.
        """
        if self.launcher == 'slurm':
            if self.partition is None:
                raise UserError('partition: missing; slurm needs one')
            settings = [f'PYTHON={sys.executable}', f'GPUS={self.gpus}']
            settings.append(f'GPUS_PER_NODE={min(self.gpus, int(os.getenv("GPUS_PER_NODE", 8)))}')
            command = ['env', *settings, 'bash', str(UNDER_SLURM), action, self.partition, job]
            return [*command, str(config), str(subnet), *checkpoint, *options]
        command = [sys.executable]
        if self.launcher == 'pytorch':
            # --standalone finds a free port for each of those side by side
            command += ['-m', 'torch.distributed.run', '--standalone']
            command += [f'--nproc_per_node={self.gpus}', '--']
        command += [str(RUNNER), action, str(config), *checkpoint, '--subnet', str(subnet)]
        return [*command, '--launcher', self.launcher, *options]

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
