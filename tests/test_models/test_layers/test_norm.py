"""Norms that run with their first channels; batch norms also in two processes."""

import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
import torch.nn as nn

from gaia_ssl.models.layers import (
    DynamicBatchNorm2d,
    DynamicLayerNorm,
    DynamicLayerNorm2d,
    DynamicSyncBatchNorm,
    LayerNorm2d,
    batch_norms,
    synchronise_norms,
)

ROOT = Path(__file__).resolve().parents[3]
WORKER = Path(__file__).with_name('sync_batch_norm_worker.py')


def scrambled(norm):
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    nn.init.normal_(norm.bias)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 1.5)
    return norm


def sliced(norm, channels):
    """The plain batch norm of the first channels of ``norm``."""
    plain = nn.BatchNorm2d(channels, norm.eps, norm.momentum)
    plain.load_state_dict({k: v[:channels] if v.dim() else v for k, v in norm.state_dict().items()})
    return plain


@pytest.mark.parametrize('cls', [DynamicBatchNorm2d, DynamicSyncBatchNorm])
@pytest.mark.parametrize('momentum', [0.1, None])
@pytest.mark.parametrize('channels', [6, 4])
def test_is_the_batch_norm_of_the_first_channels(cls, momentum, channels):
    norm = scrambled(cls(6, momentum=momentum))
    untouched = deepcopy(norm.state_dict())
    plain = sliced(norm, channels)
    for _ in range(3):
        x = torch.randn(4, channels, 5, 3)
        assert torch.equal(norm(x), plain(x))
    for key, value in plain.state_dict().items():
        ours = norm.state_dict()[key]
        assert torch.equal(ours[:channels] if ours.dim() else ours, value)
    # what is not in use stays
    assert torch.equal(norm.running_mean[channels:], untouched['running_mean'][channels:])
    assert torch.equal(norm.running_var[channels:], untouched['running_var'][channels:])
    x = torch.randn(4, channels, 5, 3)
    assert torch.equal(norm.eval()(x), plain.eval()(x))


@pytest.mark.parametrize('options', [dict(affine=False), dict(track_running_stats=False)])
def test_without_weights_or_statistics(options):
    norm = DynamicBatchNorm2d(6, **options)
    plain = nn.BatchNorm2d(4, **options)
    x = torch.randn(4, 4, 5, 3)
    assert torch.equal(norm(x), plain(x))
    assert torch.equal(norm.eval()(x), plain.eval()(x))


def run_group(tmp_path, cases, world_size=2):
    """What each process of a gloo group makes of the cases: ``[rank][case]``."""
    source = tmp_path / 'cases.pth'
    torch.save(cases, source)
    targets = [tmp_path / f'rank{rank}.pth' for rank in range(world_size)]
    command = [sys.executable, WORKER, tmp_path / 'rendezvous', source]
    group = [
        subprocess.Popen(
            [*command, target, str(rank), str(world_size)],
            env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1'),
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, target in enumerate(targets)
    ]
    for process in group:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    return [torch.load(target) for target in targets]


@pytest.mark.slow
def test_two_processes_equal_the_joined_batch(tmp_path):
    """Unequal parts, the first 4 of 6 channels: forward, gradients and running statistics."""
    torch.manual_seed(0)
    channels = 4
    tolerances = {0: 1e-5, 30: 1e-4}  # by the distance of the values from zero
    batches = [torch.randn(5, channels, 7, 3) + offset for offset in tolerances]
    batches.append(torch.full((5, channels, 7, 3), 1000.3))
    cases = [
        dict(
            num_features=6,
            state=scrambled(DynamicSyncBatchNorm(6)).state_dict(),
            parts=[x[:3].clone(), x[3:].clone()],
            weights=torch.randn_like(x).split([3, 2]),
        )
        for x in batches
    ]
    norm = DynamicSyncBatchNorm(6)
    ranks = run_group(tmp_path, cases)
    for x, case, tolerance, *parts in zip(batches, cases, tolerances.values(), *ranks):
        close = dict(rtol=tolerance, atol=tolerance)
        norm.load_state_dict(case['state'])
        joined = sliced(norm, channels)
        y = joined(x.requires_grad_())
        (y * torch.cat(case['weights'])).sum().backward()
        torch.testing.assert_close(torch.cat([p['y'] for p in parts]), y.detach(), **close)
        torch.testing.assert_close(torch.cat([p['x_grad'] for p in parts]), x.grad, **close)
        for key, parameter in joined.named_parameters():
            total = sum(p['grads'][key][:channels] for p in parts)
            torch.testing.assert_close(total, parameter.grad, rtol=1e-4, atol=1e-3)
        for part in parts:
            for key, value in joined.state_dict().items():
                ours = part['state'][key]
                ours = ours[:channels] if ours.dim() else ours
                torch.testing.assert_close(ours, value, **close)
    # a channel without variance must not turn into NaN by rounding
    for rank in ranks:
        assert rank[-1]['y'].isfinite().all() and rank[-1]['x_grad'].isfinite().all()


@pytest.mark.parametrize('plain', [False, True])
def test_norms_of_a_neck_are_synchronised_in_place(plain):
    neck = nn.Sequential(nn.Linear(4, 6), nn.SyncBatchNorm(6), nn.BatchNorm1d(6, affine=False))
    keys = list(neck.state_dict())
    assert synchronise_norms(neck, plain) is neck
    assert type(neck[1]) is DynamicSyncBatchNorm
    assert type(neck[2]) is (DynamicSyncBatchNorm if plain else nn.BatchNorm1d)
    assert list(neck.state_dict()) == keys
    x = torch.randn(5, 4)
    z = neck[0](x)
    expected = nn.BatchNorm1d(6, affine=False)(nn.BatchNorm1d(6)(z))
    torch.testing.assert_close(neck(x), expected)


def random_layer_norm(norm):
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


@pytest.mark.parametrize('channels', [5, 3])
def test_layer_norms_use_the_first_channels(channels):
    norm, maps = (
        random_layer_norm(DynamicLayerNorm(5)),
        random_layer_norm(DynamicLayerNorm2d(5, eps=1e-3)),
    )
    x = torch.randn(2, 4, channels)
    expected = nn.functional.layer_norm(
        x, (channels,), norm.weight[:channels], norm.bias[:channels]
    )
    assert torch.equal(norm(x), expected)
    x = torch.randn(2, channels, 4, 3)
    mean, var = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)
    weight, bias = (p[:channels].view(-1, 1, 1) for p in (maps.weight, maps.bias))
    torch.testing.assert_close(maps(x), (x - mean) / (var + 1e-3).sqrt() * weight + bias)
    if channels == 5:
        static = LayerNorm2d(5, eps=1e-3)
        static.load_state_dict(maps.state_dict())
        assert torch.equal(static(x), maps(x))


def test_batch_norms_of_networks():
    shared = nn.BatchNorm2d(4)
    one, two = nn.Sequential(shared, nn.SyncBatchNorm(4)), nn.Sequential(shared, nn.LayerNorm(4))
    assert batch_norms(one, two) == [shared, one[1]]
    assert not batch_norms(two[1], nn.InstanceNorm2d(4))
