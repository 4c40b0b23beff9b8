import copy

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.models.losses import SwAVLoss as PlainSwAVLoss

from gaia_ssl.models.losses import SwAVLoss

OPTIONS = dict(feat_dim=8, num_crops=[2, 3], num_prototypes=6)


def twins(**options):
    torch.manual_seed(0)
    ours = SwAVLoss(**OPTIONS, **options)
    plain = PlainSwAVLoss(**OPTIONS, **options)
    plain.load_state_dict(ours.state_dict())
    return ours, plain


def embeddings(images=4):
    return F.normalize(torch.randn(5 * images, 8), dim=1)


@pytest.mark.parametrize('queue', [None, 12])
@pytest.mark.parametrize('options', [{}, dict(crops_for_assign=[1], sinkhorn_iterations=5)])
def test_is_mmpretrains_loss(queue, options):
    ours, plain = twins(**options)
    if queue is not None:
        ours.queue = F.normalize(torch.randn(len(ours.crops_for_assign), queue, 8), dim=2)
        plain.queue = ours.queue.clone()
    x = embeddings()
    own, expected = x.clone().requires_grad_(), x.clone().requires_grad_()
    loss, target = ours(own), plain(expected)
    torch.testing.assert_close(loss, target)
    loss.backward()
    target.backward()
    torch.testing.assert_close(own.grad, expected.grad)
    torch.testing.assert_close(ours.prototypes.weight.grad, plain.prototypes.weight.grad)


def test_computing_it_again_gives_the_same_and_leaves_the_queue():
    loss, _ = twins()
    loss.queue = F.normalize(torch.randn(2, 12, 8), dim=2)
    before = loss.queue.clone()
    x = embeddings()
    assert torch.equal(loss(x), loss(x))
    assert torch.equal(loss.queue, before)
    assert torch.equal(loss.embeddings, x)


def test_codes_sum_to_one_and_spread_over_the_prototypes():
    loss, _ = twins(sinkhorn_iterations=50)
    codes = loss.codes(0, embeddings(60))
    torch.testing.assert_close(codes.sum(1), torch.ones(300))
    torch.testing.assert_close(codes.mean(0), torch.full((6,), 1 / 6), rtol=1e-3, atol=1e-4)


def test_frozen_prototypes_have_zero_gradients():
    loss, _ = twins()
    frozen = copy.deepcopy(loss)
    frozen.freeze_prototypes = True
    x = embeddings()
    torch.testing.assert_close(frozen(x), loss(x))
    frozen(x.requires_grad_()).backward()
    assert not frozen.prototypes.weight.grad.any() and x.grad.any()
