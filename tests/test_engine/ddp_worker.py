"""A gloo group of processes: each trains supernets on its share of a batch, saves their weights.

``python THIS OUT`` writes ``OUT/rank0.pth`` and so on. Imports are done once, then the processes
are forked.
"""

import importlib.util
import sys
from multiprocessing import get_context
from pathlib import Path

import torch
import torch.distributed as dist
from mmengine.optim import OptimWrapper

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.engine import SupernetDistributedDataParallel
from gaia_ssl.registry import MODELS

path = Path(__file__).parent.parent / 'test_models' / 'test_selfsup' / 'conftest.py'
spec = importlib.util.spec_from_file_location('selfsup_conftest', path)
selfsup = importlib.util.module_from_spec(spec)
spec.loader.exec_module(selfsup)


GUIDED = dict(
    guides=dict(weights=dict(max=0.2, teacher=0.5)),
    teacher=selfsup.teacher_config(),
)
# method, options of the supernet, iterations per step
CASES = [
    *((method, {}, 1) for method in selfsup.METHODS),
    ('MoCo', dict(arch_sampler=dict(type='UniformSampler')), 1),
    ('MoCo', {}, 2),
    ('BYOL', dict(guides=dict(weights=dict(max=0.5))), 1),
    *((method, GUIDED, 1) for method in ('MoCo', 'SimCLR')),
    ('SwAV', dict(queue_len=8), 1),
]


def train(method: str, options: dict, accumulate: int, rank: int = 0, world_size: int = 1) -> dict:
    """Train four iterations in double precision and return the weights."""
    norm = 'SyncBN' if world_size > 1 else 'BN'
    torch.manual_seed(0)
    model = MODELS.build(selfsup.supernet_config(method, norm=norm, **options)).train()
    selfsup.in_double(model)
    wrapped = model if world_size == 1 else SupernetDistributedDataParallel(model, [rank])
    optim_wrapper = OptimWrapper(
        torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), accumulative_counts=accumulate
    )
    optim_wrapper.initialize_count_status(model, 0, 4)
    for iteration in range(4):
        selfsup.set_iteration(iteration)
        batch = selfsup.make_batch(iteration, size=8, views=selfsup.METHODS[method].views)
        share = slice(rank, None, world_size)
        batch = dict(
            inputs=[view[share] for view in batch['inputs']],
            data_samples=batch['data_samples'][share],
        )
        wrapped.train_step(batch, optim_wrapper)
    return model.state_dict()


def run(rank: int, world_size: int, out: str) -> None:
    """One process of the group."""
    rendezvous = f'file://{out}/rendezvous'
    dist.init_process_group('gloo', init_method=rendezvous, rank=rank, world_size=world_size)
    weights = [train(*case, rank, world_size) for case in CASES]
    torch.save(weights, f'{out}/rank{rank}.pth')
    dist.barrier()
    dist.destroy_process_group()


if __name__ == '__main__':
    torch.set_num_threads(1)
    context, world_size = get_context('fork'), 2
    group = [context.Process(target=run, args=(i, world_size, sys.argv[1])) for i in range(2)]
    for process in group:
        process.start()
    for process in group:
        process.join()
    sys.exit(any(process.exitcode for process in group))
