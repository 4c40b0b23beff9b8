"""What a walk is said to need is what it does not exceed, and not much more."""

import itertools

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from gaia_ssl.models.backbones import DynamicMobileNet, DynamicResNet
from gaia_ssl.search.evaluator import TreeEvaluator
from gaia_ssl.search.memory import arrange
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
    evaluator = TreeEvaluator(encoder, encoder, terms, archs)
    need = arrange(evaluator.tree, backbone.space.family, (64, 64), terms)
    images = torch.randn(16, 3, 64, 64)
    # the images themselves are there before
    used = peak_bytes(lambda: evaluator(images, [16])) / len(images) + 4 * 3 * 64 * 64
    assert need / 3 < used <= need


def test_the_branch_that_needs_most_comes_last(encoders):
    student, teacher = encoders
    rng = np.random.default_rng(1)
    archs = [student[0].space.sample(rng) for _ in range(40)]
    terms = build_terms('dense', None, (0, 3), 4)
    evaluator = TreeEvaluator(student, teacher, terms, archs)
    before = evaluator(torch.ones(4, 3, 40, 40), [4])
    arrange(evaluator.tree, student[0].space.family, (40, 40), terms)
    after = evaluator(torch.ones(4, 3, 40, 40), [4])
    assert (before == after).all()
