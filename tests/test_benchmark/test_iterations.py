"""Baselines of a training iteration compute what they claim to."""

import copy

import pytest
import torch

from gaia_ssl.benchmark import iterations
from gaia_ssl.space import get_space

SPACE = get_space('tiny10to22')
BATCH = 4


def test_reference_moves_the_key_encoder_and_the_queue_with_every_subnet(supernet, data):
    archs = iterations.sandwich_draws(supernet, 1)[0]
    wrapper = iterations.build_optim_wrapper(supernet)
    iterations.train_supernet(supernet, archs, data, wrapper)
    assert int(supernet.queue_ptr) == BATCH and int(supernet.encoder_k.steps) == 1
    iterations.train_by_reference(supernet, archs, data, wrapper)
    assert int(supernet.queue_ptr) == 4 * BATCH and int(supernet.encoder_k.steps) == 4


def test_gradient_of_the_reference_is_a_sum(supernet, data):
    """MAX drawn twice moves plain weights twice as far as this project's mean does."""
    plain = copy.deepcopy(supernet)
    before = supernet.neck.mlp[2].bias.detach().clone()
    # nothing enqueued: both passes meet the same negatives
    reference = copy.deepcopy(supernet)
    reference.after_iteration = lambda keys: None
    steps = []
    runs = ((plain, iterations.train_supernet), (reference, iterations.train_by_reference))
    for model, train in runs:
        torch.manual_seed(0)
        train(model, 2 * [SPACE.max], data, iterations.build_optim_wrapper(model))
        steps.append(model.neck.mlp[2].bias.detach() - before)
    mean, total = steps
    assert mean.abs().max() > 0
    torch.testing.assert_close(total / mean.norm(), 2 * mean / mean.norm(), rtol=0.02, atol=0.02)


def test_static_networks_compute_what_the_supernet_computes(supernet, data):
    archs = iterations.sandwich_draws(supernet, 1)[0]
    assert len(archs) == 3
    static = iterations.StaticSandwich(supernet, archs)
    torch.manual_seed(1)  # the order in which keys are shuffled
    ours = iterations.train_supernet(
        supernet, archs, data, iterations.build_optim_wrapper(supernet)
    )
    torch.manual_seed(1)
    ideal = static.train_step(archs, data, iterations.build_optim_wrapper(static.moco))
    found = torch.stack([loss for name, loss in ours.items() if name != 'loss'])
    torch.testing.assert_close(torch.stack(list(ideal.values())), found, rtol=1e-5, atol=1e-6)
    assert static.moco.queue_ptr == supernet.queue_ptr == BATCH
    torch.testing.assert_close(static.moco.queue, supernet.queue)
    assert all(p.grad is None for p in static.parameters())


def test_static_max_is_the_supernet_at_max(supernet, data):
    static = iterations.StaticSandwich(supernet, [SPACE.min, SPACE.max])
    ours = iterations.build_optim_wrapper(supernet, lr=0.03)
    theirs = iterations.build_optim_wrapper(static.moco, lr=0.03)
    for iteration in range(3):
        torch.manual_seed(iteration)
        loss = iterations.train_supernet(supernet, [SPACE.max], data, ours)['loss']
        torch.manual_seed(iteration)
        expected = torch.as_tensor(static.train_max(data, theirs)['loss'])
        torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    assert sum(p.numel() for p in static.moco.parameters()) == sum(
        p.numel() for p in supernet.parameters()
    )


def test_host_work_runs_no_network_and_changes_nothing(supernet, monkeypatch):
    for net in (supernet.backbone, supernet.encoder_k, supernet.neck):
        monkeypatch.setattr(net, 'forward', lambda *_: pytest.fail('a network ran'))
    before = copy.deepcopy(supernet.state_dict())
    hollow = iterations.Hollow.of(supernet)
    wrapper = iterations.build_optim_wrapper(hollow.neck.mlp[-1], lr=0.0)
    log = hollow.train_step(iterations.make_batch(BATCH, 1, 'cpu'), wrapper)
    assert set(log) == {'loss', 'loss_min', 'loss_subnet1', 'loss_max'}
    for key, value in supernet.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert type(supernet) is iterations.DynamicMoCo
