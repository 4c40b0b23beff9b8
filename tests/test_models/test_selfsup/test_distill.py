"""Values and gradients for every method: see ``test_methods.py``."""

import pytest

from gaia_ssl.utils import UserError


@pytest.mark.parametrize('weight', [0, -0.5, 1.5])
def test_weight_is_a_share(ssl, weight):
    with pytest.raises(UserError, match='model.distillation.weight'):
        ssl.build(distillation=dict(weight=weight))


def test_needs_max(ssl):
    model = ssl.build(distillation={}, arch_sampler=dict(type='UniformSampler'), seed=0)
    with pytest.raises(UserError, match='which model.arch_sampler did not draw'):
        model.train_step(ssl.batch(0), ssl.wrap(model))


def test_no_hook_stays_on_the_neck(ssl):
    model = ssl.build(distillation={})
    model.train_step(ssl.batch(0), ssl.wrap(model))
    assert not model.neck._forward_hooks


def test_loss_is_configurable(ssl):
    loss = dict(type='mmpretrain.CosineSimilarityLoss', shift_factor=1.0, scale_factor=1.0)
    default, same = ssl.build(distillation={}), ssl.build(distillation=dict(loss=loss))
    doubled = ssl.build(distillation=dict(loss=dict(loss, shift_factor=2.0, scale_factor=2.0)))
    logs = [m.train_step(ssl.batch(0), ssl.wrap(m)) for m in (default, same, doubled)]
    assert logs[0]['loss_min'] == logs[1]['loss_min'] > 0
    assert logs[2]['loss_min'] == 2 * logs[0]['loss_min']
    assert logs[2]['loss_max'] == logs[0]['loss_max']


def test_an_unknown_setting_is_named(ssl):
    with pytest.raises(UserError, match="model.distillation: .*'wieght'; it takes weight and loss"):
        ssl.build(distillation=dict(wieght=0.5))
