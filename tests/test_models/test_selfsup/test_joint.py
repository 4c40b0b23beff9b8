import pytest
import torch

from gaia_ssl.models.selfsup import joint


@pytest.mark.parametrize('processes', [1, 3])
def test_gradients_are_multiplied_by_the_processes_and_values_stay(monkeypatch, processes):
    monkeypatch.setattr(joint, 'get_world_size', lambda: processes)
    x = torch.tensor([2.0, -1.0], requires_grad=True)
    losses = joint.with_joint_gradient(dict(square=x.square().sum(), cube=x.pow(3).sum()))
    assert {key: loss.item() for key, loss in losses.items()} == dict(square=5, cube=7)
    [square] = torch.autograd.grad(losses['square'], x)
    [cube] = torch.autograd.grad(losses['cube'], x)
    torch.testing.assert_close(square, processes * torch.tensor([4.0, -2.0]))
    torch.testing.assert_close(cube, processes * torch.tensor([12.0, 3.0]))
