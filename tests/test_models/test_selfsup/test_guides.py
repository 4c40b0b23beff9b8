"""Values and gradients for every method: see ``test_methods.py``."""

import pytest
import torch
from mmpretrain.models.losses import CosineSimilarityLoss

from gaia_ssl.models.selfsup.guides import GuidedIteration, Guides
from gaia_ssl.space import count_cost
from gaia_ssl.utils import UserError


@pytest.mark.parametrize(
    'weights, message',
    [
        (dict(max=0), "{'max': 0} are not shares above 0"),
        (dict(max=0.5, next=0.6), 'are not shares above 0 that sum up to at most 1'),
        (dict(next='half'), 'are not shares above 0'),
        (dict(largest=0.5), 'is not a dict of shares by guide; give some of max, next, ema, tea'),
        ({}, 'is not a dict of shares by guide'),
        (0.5, '0.5 is not a dict of shares by guide'),
    ],
)
def test_weights_are_shares_by_guide(ssl, weights, message):
    with pytest.raises(UserError, match=f'^model.guides.weights: .*{message}'):
        ssl.build(guides=dict(weights=weights))


def test_max_must_be_drawn_to_guide(ssl):
    uniform = dict(type='UniformSampler')
    model = ssl.build(guides=dict(weights=dict(max=1)), arch_sampler=uniform)
    with pytest.raises(UserError, match='which model.arch_sampler did not draw'):
        model.train_step(ssl.batch(0), ssl.wrap(model))
    model = ssl.build(guides=dict(weights=dict(next=1)), arch_sampler=dict(uniform, num=3))
    model.train_step(ssl.batch(0), ssl.wrap(model))


def test_a_momentum_teacher_is_needed_for_ema(ssl):
    with pytest.raises(UserError, match='DynamicSimCLR has no momentum teacher for ema; use max'):
        ssl.build('SimCLR', guides=dict(weights=dict(ema=0.5)))


def test_a_guiding_teacher_and_its_share_go_together(ssl):
    teacher = ssl.teacher_config()
    message = '^model.guides.weights: the guide teacher needs a network, model.teacher, and this'
    for options in (
        dict(teacher=teacher),
        dict(teacher=teacher, guides=dict(weights=dict(max=0.5))),
        dict(guides=dict(weights=dict(teacher=0.5))),
    ):
        with pytest.raises(UserError, match=message):
            ssl.build(**options)


def test_no_hook_stays(ssl):
    model = ssl.build(guides=dict(weights=dict(max=1)))
    model.train_step(ssl.batch(0), ssl.wrap(model))
    assert not model.neck._forward_hooks and not model.backbone._forward_pre_hooks


def test_loss_is_configurable(ssl):
    loss = dict(type='mmpretrain.CosineSimilarityLoss', shift_factor=1.0, scale_factor=1.0)
    doubled = dict(loss, shift_factor=2.0, scale_factor=2.0)
    options = ({}, dict(loss=loss), dict(loss=doubled))
    models = [ssl.build(guides=dict(weights=dict(max=1.0), **given)) for given in options]
    logs = [m.train_step(ssl.batch(0), ssl.wrap(m)) for m in models]
    assert logs[0]['loss_min'] == logs[1]['loss_min'] > 0
    assert logs[2]['loss_min'] == 2 * logs[0]['loss_min']
    assert logs[2]['loss_max'] == logs[0]['loss_max']


def test_an_unknown_setting_is_named(ssl):
    message = "model.guides: .*'wieghts'; it takes weights, loss and temperature"
    with pytest.raises(UserError, match=message):
        ssl.build(guides=dict(wieghts=dict(max=0.5)))


def test_each_guide_is_what_it_is_called():
    """Three subnets, whose outputs are known."""
    neck = torch.nn.Identity()
    outputs = torch.randn(3, 5, 4, dtype=torch.double, requires_grad=True)
    ema = torch.randn(5, 4, dtype=torch.double)
    weights = dict(max=0.1, next=0.2, ema=0.3)
    guided = GuidedIteration(Guides(weights), (neck, neck), {}, [ema])
    losses = [guided.loss(lambda out=out: neck(out).square().sum()) for out in outputs]

    def distance(a, b):
        return 1 - torch.nn.functional.cosine_similarity(a, b.detach(), dim=1).mean()

    own = [outputs[i].square().sum() for i in range(3)]
    expected = [own[0]]
    for i in (1, 2):
        guides = [(0.1, outputs[0]), (0.2, outputs[i - 1]), (0.3, ema)]
        expected.append(0.4 * own[i] + sum(w * distance(outputs[i], g) for w, g in guides))
    torch.testing.assert_close(torch.stack(losses), torch.stack(expected))
    gradients = [torch.autograd.grad(sum(x), outputs)[0] for x in (losses, expected)]
    torch.testing.assert_close(*gradients)
    assert isinstance(guided.guides.loss_module, CosineSimilarityLoss)


def test_subnets_run_from_the_largest_to_the_smallest(ssl):
    sampler = dict(type='SandwichSampler', num_random=3)
    model = ssl.build(guides=dict(weights=dict(next=0.5)), arch_sampler=sampler)
    model.train_step(ssl.batch(0), ssl.wrap(model))
    space, archs = model.backbone.space, list(model.sampled.values())
    flops = [count_cost(space, arch, 16).flops for arch in archs]
    assert flops == sorted(flops, reverse=True) and archs[0] == space.max


def test_losses_have_weights(ssl):
    """Of gradients too, against the plain mean's parts."""
    model = ssl.in_double(ssl.build(loss_weights=dict(max=2.0, min=0.5)))
    log = model.train_step(ssl.batch(0), ssl.wrap(model))
    middle = next(log[name] for name in log if 'subnet' in name)
    expected = (2 * log['loss_max'] + 0.5 * log['loss_min'] + middle) / 3.5
    torch.testing.assert_close(log['loss'], expected)


@pytest.mark.parametrize('weights', [dict(max=0), dict(large=2), dict(min='2')])
def test_weights_of_losses_are_positive_numbers_of_anchors(ssl, weights):
    message = '^model.loss_weights.* is not a positive number for one of max, min'
    with pytest.raises(UserError, match=message):
        ssl.build(loss_weights=weights)
