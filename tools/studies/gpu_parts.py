"""Commands of gpu_check.sh: make images, compare synchronised norms, read losses from a log."""

import argparse
import json
import math
import os
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn as nn
from mmengine.dist import all_gather
from PIL import Image

from gaia_ssl.models.layers import DynamicSyncBatchNorm
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.dist import process_group


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest='part', required=True)
    images = parts.add_parser('images', help='write images of noise')
    images.add_argument('folder', type=Path)
    images.add_argument('number', type=int)
    parts.add_parser('norms', help='compare synchronised batch norms; torchrun starts it')
    losses = parts.add_parser('losses', help='read the losses that a training logged')
    losses.add_argument('work_dir', type=Path)
    return parser.parse_args()


def write_images(folder: Path, number: int, size: int = 256) -> str:
    """Write JPEGs of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for index in range(number):
        pixels = rng.integers(256, size=(size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f'{index:05d}.jpg')
    return f'{number} images'


def compare_norms() -> str:
    """Compare a synchronised norm with a plain one on the joined batch, and with torch's.

    Raises:
        AssertionError: If outputs, gradients or running statistics differ.
    """
    rank, world = dist.get_rank(), dist.get_world_size()
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    generator = torch.Generator().manual_seed(rank)
    x = torch.randn(8, 16, 7, 7, generator=generator).to(device)
    joined = torch.cat(all_gather(x))
    whole = _train_norm(nn.BatchNorm2d(16), joined, device)
    expected = dict(whole, **{k: whole[k].chunk(world)[rank] for k in ('output', 'gradient')})
    _compare(_train_norm(DynamicSyncBatchNorm(16), x, device), expected)
    peers = ['a plain norm on the joined batch']
    if device.type == 'cuda':  # torch's own demands a GPU
        _compare(_train_norm(nn.SyncBatchNorm(16), x, device), expected)
        peers.append("torch's SyncBatchNorm")
    return f'{dist.get_backend()}, processes: {world}: equal to {" and ".join(peers)}'


def _train_norm(norm: nn.Module, x: torch.Tensor, device: torch.device) -> dict[str, torch.Tensor]:
    norm, x = norm.to(device), x.clone().requires_grad_()
    y = norm(x)
    y.square().mul(torch.linspace(0, 1, 7, device=device)).sum().backward()
    state = {k: v for k, v in norm.state_dict().items() if 'running' in k}
    return dict(output=y.detach(), gradient=x.grad, **state)


def _compare(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    for key, value in expected.items():
        close = dict(rtol=1e-4, atol=1e-4, msg=lambda text, key=key: f'{key}: {text}')
        torch.testing.assert_close(found[key], value, **close)


def read_losses(work_dir: Path) -> str:
    """The losses that a training logged, iteration by iteration.

    Raises:
        UserError: If there are fewer than two, or one is not finite.
    """
    logs = sorted(work_dir.rglob('scalars.json'))
    lines = logs[-1].read_text().splitlines() if logs else []
    losses = [record['loss'] for record in map(json.loads, lines) if 'loss' in record]
    if len(losses) < 2:
        raise UserError(f'{work_dir}: {len(losses)} losses were logged, too few to judge')
    if not all(map(math.isfinite, losses)):
        raise UserError(f'{work_dir}: a loss is not finite: {losses}')
    return f'{len(losses)} iterations, loss {losses[0]:.3f} to {losses[-1]:.3f}'


def main() -> None:
    args = parse_args()
    if args.part == 'images':
        print(write_images(args.folder, args.number))
    elif args.part == 'losses':
        print(read_losses(args.work_dir))
    else:
        with process_group('pytorch'):
            outcome = compare_norms()
        if os.environ['RANK'] == '0':
            print(outcome)


if __name__ == '__main__':
    run_cli(main)
