"""One process of ``test_norm.py``'s group: python THIS RENDEZVOUS INPUT OUTPUT RANK WORLD_SIZE."""

import sys

import torch
import torch.distributed as dist

from gaia_ssl.models.layers import DynamicSyncBatchNorm


def run(case: dict, rank: int) -> dict:
    """Output, gradients and state after one training step on this rank's part of the batch."""
    norm = DynamicSyncBatchNorm(case['num_features'])
    norm.load_state_dict(case['state'])
    x = case['parts'][rank].requires_grad_()
    y = norm(x)
    (y * case['weights'][rank]).sum().backward()
    return dict(
        y=y.detach(),
        x_grad=x.grad,
        grads={k: v.grad for k, v in norm.named_parameters()},
        state=norm.state_dict(),
    )


def main(rendezvous: str, source: str, target: str, rank: int, world_size: int) -> None:
    """Run forward and backward on this rank's part of each batch and save what came of it."""
    dist.init_process_group(
        'gloo', init_method=f'file://{rendezvous}', rank=rank, world_size=world_size
    )
    torch.save([run(case, rank) for case in torch.load(source)], target)
    dist.destroy_process_group()


if __name__ == '__main__':
    main(*sys.argv[1:4], *map(int, sys.argv[4:]))
