"""One process of a gloo group: trains supernets on its share of each batch, saves their weights.

Started by torchrun with the folder to write to.
"""

import importlib.util
import os
import sys
from pathlib import Path

import torch
from mmengine.optim import OptimWrapper

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.engine import SupernetDistributedDataParallel
from gaia_ssl.registry import MODELS
from gaia_ssl.utils.dist import process_group

path = Path(__file__).parent.parent / 'test_models' / 'test_selfsup' / 'conftest.py'
spec = importlib.util.spec_from_file_location('selfsup_conftest', path)
selfsup = importlib.util.module_from_spec(spec)
spec.loader.exec_module(selfsup)


# method, options of the supernet, iterations per step
CASES = [
    *((method, {}, 1) for method in selfsup.METHODS),
    ('MoCo', dict(arch_sampler=dict(type='UniformSampler')), 1),
    ('MoCo', {}, 2),
    ('BYOL', dict(distillation=dict(weight=0.5)), 1),
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


if __name__ == '__main__':
    torch.set_num_threads(1)
    rank, world_size = int(os.environ['RANK']), int(os.environ['WORLD_SIZE'])
    with process_group('pytorch'):
        weights = [train(*case, rank, world_size) for case in CASES]
    torch.save(weights, f'{sys.argv[1]}/rank{rank}.pth')
