"""A method of a user's own, as docs/en/advanced_guides/new_method.md describes it."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from gaia_ssl.models.selfsup import SupernetSelfSupervisor
from gaia_ssl.registry import MODELS


@MODELS.register_module()
class VICRegHead(BaseModule):
    """VICReg's loss (Bardes et al., ICLR 2022), equation 6."""

    def loss(self, first: Tensor, second: Tensor) -> Tensor:
        invariance = F.mse_loss(first, second)
        spread = sum(F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean() for z in (first, second))
        return 25 * invariance + 25 * spread + self.covariance(first) + self.covariance(second)

    def covariance(self, z: Tensor) -> Tensor:
        off_diagonal = z.T.cov() * (1 - torch.eye(z.size(1), dtype=z.dtype))
        return off_diagonal.square().sum() / z.size(1)


@MODELS.register_module()
class DynamicVICReg(SupernetSelfSupervisor):
    """VICReg on a supernet."""

    def loss(self, inputs: list[Tensor], data_samples: list) -> dict[str, Tensor]:
        return dict(loss=self.head.loss(*(self.neck(self.backbone(x))[0] for x in inputs)))


@pytest.fixture
def build(ssl):
    def make():
        torch.manual_seed(0)
        neck = ssl.methods['SimCLR'].config(12)['neck']
        config = ssl.config('SimCLR', neck=neck, head=dict(type='VICRegHead'))
        del config['algorithm']
        return ssl.in_double(MODELS.build(dict(config, type='DynamicVICReg')).train())

    return make


def vicreg(first, second):
    """The equation in numpy, without torch's functions."""
    n, d = first.shape
    total = 25 * ((first - second) ** 2).sum() / (n * d)
    for z in (first, second):
        std = np.sqrt(((z - z.mean(0)) ** 2).sum(0) / (n - 1) + 1e-4)
        total += 25 * np.maximum(0, 1 - std).mean()
        total += sum(np.cov(z.T)[i, j] ** 2 for i in range(d) for j in range(d) if i != j) / d
    return total


def test_an_iteration_trains_it_on_the_mean_of_its_subnets(ssl, build):
    model, plain = build(), build()
    log = model.train_step(ssl.batch(0), ssl.keep_gradients(model))
    assert set(log) == {'loss', 'loss_min', 'loss_subnet1', 'loss_max'}
    expected = ssl.gradients_one_by_one(copy.deepcopy(plain), ssl.batch(0), 0)
    found = ssl.gradients(model)
    assert found.keys() == expected.keys() == dict(model.named_parameters()).keys()
    for key, grad in expected.items():
        torch.testing.assert_close(found[key], grad, rtol=1e-7, atol=1e-10)
    data = plain.data_preprocessor(ssl.batch(0), training=True)
    for name in ('MIN', 'MAX'):
        plain.backbone.set_arch(name)
        z = [plain.neck(plain.backbone(view))[0].detach().numpy() for view in data['inputs']]
        assert log[f'loss_{name.lower()}'].item() == pytest.approx(vicreg(*z), rel=1e-8)


def test_a_step_moves_its_weights_and_a_search_has_its_encoders(ssl, build):
    model = build()
    before = copy.deepcopy(model.state_dict())
    model.train_step(ssl.batch(0), ssl.wrap(model))
    moved = {k for k, value in model.state_dict().items() if not torch.equal(value, before[k])}
    assert {k.partition('.')[0] for k in moved} == {'backbone', 'neck'}
    assert model.student == model.teacher == (model.backbone, model.neck)
