"""A walk takes no more memory than it is said to, and not much less."""

import itertools

import numpy as np
import pytest
import torch

from gaia_ssl.models.backbones import DynamicMobileNet, DynamicResNet
from gaia_ssl.search.evaluator import TreeEvaluator
from gaia_ssl.search.memory import order_branches, peak_bytes
from gaia_ssl.search.terms import build_terms
from gaia_ssl.search.tree import Key, Node, Tap


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
def test_bound(net, space, task, distance, stages, allocated_peak):
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
    used = allocated_peak(lambda: evaluator(images, [16])) + itself
    assert need / 3 < used <= need
    for room in (need / 10, 3 * need):
        used = allocated_peak(lambda: evaluator(images, [16], room=room)) + itself  # noqa: B023
        assert used <= need + room


def node(place, channels, working, *children):
    made = Node(Key((0, place), Tap(place), 0), channels, (1, 1), working)
    made.children = {Tap((place, i)): child for i, child in enumerate(children)}
    for step, child in made.children.items():
        child.key = child.key._replace(step=step)
    return made


def test_the_branch_that_needs_most_is_walked_last():
    # 4 bytes of output a channel wait while all branches but the last run
    root = node(0, 25, 0, node(1, 1, 300), node(1, 1, 500), node(1, 1, 200))
    assert peak_bytes(root) == 100 + 500  # as built, the first one is the last
    order_branches(root)
    assert [child.working for child in root.children.values()] == [500, 300, 200]
    assert peak_bytes(root) == max(500, 100 + 300)


def test_no_other_order_has_a_lower_peak():
    """Against every order of the branches of random trees."""
    rng = np.random.default_rng(0)

    def grow(depth):
        number = rng.integers(0, 4) if depth else 0
        children = [grow(depth - 1) for _ in range(number)]
        return node(5 - depth, int(rng.integers(1, 9)), int(rng.integers(1, 99)), *children)

    def least(root):
        branches = [least(child) for child in root.children.values()]
        orders = [
            max([root.working, order[0], *(root.output + need for need in order[1:])])
            for order in itertools.permutations(branches)
            if order
        ]
        return min(orders, default=root.working)

    for _ in range(50):
        root = grow(3)
        order_branches(root)
        assert peak_bytes(root) == least(root)
