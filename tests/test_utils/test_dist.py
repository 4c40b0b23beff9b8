import subprocess
import sys

import pytest
import torch

from gaia_ssl.utils import UserError
from gaia_ssl.utils.dist import process_group

# a model whose gradients are reduced, as a training has it
PROGRAM = """
import sys, time
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from gaia_ssl.utils.dist import process_group

saved = Path(sys.argv[1])


def work():
    model = DistributedDataParallel(torch.nn.Linear(8, 8))
    model(torch.rand(4, 8)).sum().backward()
    {work}


with process_group('pytorch'):
    work()
assert saved.exists() and not dist.is_initialized()
"""


@pytest.fixture
def launch(tmp_path):
    """Run that program in two processes, with what the first one does in the end."""

    def run(work: str) -> subprocess.CompletedProcess:
        program = tmp_path / 'program.py'
        program.write_text(PROGRAM.format(work=f'if dist.get_rank() == 0: {work}'))
        torchrun = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
        command = [*torchrun, '--nproc_per_node=2', program, tmp_path / 'saved']
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return run


@pytest.mark.slow
def test_processes_wait_for_the_last(launch):
    done = launch('time.sleep(1); saved.touch()')
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_failed_process_ends_all(launch):
    done = launch('raise RuntimeError("out of luck")')
    assert done.returncode != 0 and 'out of luck' in done.stderr


def test_a_process_without_a_gpu_of_its_own_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setenv('LOCAL_RANK', '2')
    with pytest.raises(UserError, match='GPUS: process 3 on this machine has no GPU, there are 2'):
        with process_group('pytorch'):
            pass
