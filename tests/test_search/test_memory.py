"""What a walk is said to need is what it does not exceed, and not much more."""

import itertools

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from gaia_ssl.models.backbones import DynamicMobileNet, DynamicResNet
from gaia_ssl.search.evaluator import TreeEvaluator
from gaia_ssl.search.terms import build_terms


def peak_bytes(function):
    """The most bytes that the allocator has given out at a time while a function runs."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        function()
    events = profiler.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == '[memory]')
    return max(itertools.accumulate(nbytes for _, nbytes in changes))


class Fixed(torch.nn.Module):
    """A neck without weights whose embeddings have one width."""

    def forward(self, x):
        return (torch.nn.functional.adaptive_avg_pool1d(x[0].mean((2, 3)), 4),)


@pytest.mark.parametrize(
    'task, distance, stages',
    [('global', None, None), ('dense', None, (1, 3)), ('dense', 'kl', (0,))],
)
@pytest.mark.parametrize(
    'net, space', [(DynamicResNet, 'tiny10to22'), (DynamicMobileNet, 'tinymb4to8')]
)
def test_bound(net, space, task, distance, stages):
    torch.manual_seed(0)
    backbone = net(space)
    rng = np.random.default_rng(0)
    archs = [backbone.space.max, *(backbone.space.sample(rng) for _ in range(30))]
    last = len(backbone.space.path(backbone.space.max).stages)
    terms = build_terms(task, distance, stages, last)
    encoder = backbone, Fixed()
    evaluator = TreeEvaluator(encoder, encoder, terms, archs, (64, 64))
    images = torch.randn(16, 3, 64, 64)
    itself = images.nbytes  # there before
    need = evaluator.need * len(images)
    used = peak_bytes(lambda: evaluator(images, [16])) + itself
    assert need / 3 < used <= need
    for room in (need / 10, 3 * need):
        used = peak_bytes(lambda: evaluator(images, [16], room=room)) + itself  # noqa: B023
        assert used <= need + room
