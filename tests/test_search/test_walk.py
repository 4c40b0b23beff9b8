import gc
import weakref

import numpy as np
import pytest
import torch

from gaia_ssl.models.backbones import DynamicMobileNet, DynamicResNet
from gaia_ssl.search.memory import order_branches
from gaia_ssl.search.tree import Tap, build_tree, steps_and_taps
from gaia_ssl.search.walk import Merging, walk
from gaia_ssl.space import get_space

SPACE = get_space('tiny10to22')
SIZE = (32, 32)


def archs(number, seed=0):
    rng = np.random.default_rng(seed)
    return [SPACE.sample(rng) for _ in range(number)]


def test_every_branch_is_computed_once_and_told_apart():
    candidates = archs(60)
    paths = [list(steps_and_taps(SPACE.path(a), (1, 3))) for a in candidates]
    ran = []

    def run(step, history):
        ran.append((*history, step))
        return ran[-1]

    tree = build_tree(SPACE.family, map(SPACE.path, candidates), (1, 3), SIZE)
    scores = {}
    for group, total in walk(tree, (), run, lambda i, h: [(i, h)]):
        scores.update(dict.fromkeys(group, total))
    assert len(ran) == len(set(ran)) < sum(map(len, paths))
    for candidate, path in enumerate(paths):
        steps = [s for s in path if not isinstance(s, Tap)]
        middle = path.index(Tap(1))
        assert scores[candidate] == ((1, tuple(steps[:middle])), (3, tuple(steps)))


def test_candidates_that_differ_after_the_last_wanted_stage_share_a_score():
    small, large = SPACE.min, dict(SPACE.min, width=[8, 16, 32, 128])
    tree = build_tree(SPACE.family, map(SPACE.path, (small, large)), (2,), SIZE)
    (candidates, _), *more = walk(tree, 0, lambda step, x: x, lambda i, x: [1])
    assert candidates == [0, 1] and not more


def test_activations_live_only_while_branches_remain():
    alive, most = weakref.WeakSet(), 0

    class Activation:
        pass

    def run(step, x):
        nonlocal most
        made = Activation()
        alive.add(made)
        most = max(most, len(alive))
        return made

    candidates = archs(200)
    tree = build_tree(SPACE.family, map(SPACE.path, candidates), (3,), SIZE)
    for _ in walk(tree, None, run, lambda i, x: [0]):
        pass
    gc.collect()
    # one per step of a path at the most, and nothing afterwards
    assert most <= 1 + sum(SPACE.max['depth'])
    assert len(alive) == 0


@pytest.mark.parametrize(
    'backbone, name, options',
    [
        (DynamicResNet, 'tiny10to22', {}),
        (DynamicResNet, 'tiny10to22', dict(block='bottleneck', group_widths=(2, 4, 8, 16))),
        (DynamicMobileNet, 'tinymb4to8', {}),
    ],
)
def test_walking_a_supernet_gives_the_features_of_each_subnet(backbone, name, options):
    net = backbone(name, out_indices=(1, 3), **options).eval()
    space = net.space
    rng = np.random.default_rng(0)
    candidates = [space.min, space.max, *(space.sample(rng) for _ in range(8))]
    x = torch.randn(2, 3, 32, 32)
    tree = build_tree(space.family, map(space.path, candidates), (1, 3), SIZE)
    seen = 0
    with torch.no_grad():
        for group, read in walk(tree, x, net.run, lambda stage, f: [stage * f.sum()]):
            for candidate in group:
                net.set_arch(candidates[candidate])
                one, two = net(x)
                assert read == (one.sum(), 3 * two.sum())
                net.set_arch('MAX')  # the active arch is none of the walk's business
                seen += 1
    assert seen == len(candidates)


@pytest.mark.parametrize('room', [0, 3e5, 1e9])
@pytest.mark.parametrize(
    'backbone, name', [(DynamicResNet, 'tiny10to22'), (DynamicMobileNet, 'tinymb4to8')]
)
def test_branches_that_take_the_same_step_run_it_together(backbone, name, room):
    net = backbone(name).eval()
    rng = np.random.default_rng(0)
    paths = [net.space.path(net.space.sample(rng)) for _ in range(80)]
    x = torch.randn(2, 3, 32, 32)
    tree = build_tree(net.space.family, paths, (1, 3), SIZE)
    order_branches(tree)
    sizes = []

    def scores(merging):
        def run(step, x):
            sizes.append(len(x))
            return net.run(step, x)

        def measure(stage, features):
            return [stage * part.sum() for part in features.split(2)]

        found = walk(tree, x, run, measure, merging)
        return {candidate: sum(read) for group, read in found for candidate in group}

    with torch.no_grad():
        alone, alone_sizes, sizes = scores(None), sizes, []
        together = scores(Merging(images=2, positions=64, room=room))
    assert set(alone_sizes) == {2} and sum(sizes) == sum(alone_sizes)
    if room == 0:
        assert sizes == alone_sizes
    elif room == 1e9:
        assert len(sizes) < len(alone_sizes) / 2
        # at stride 32 a map has a position for each of the images
        assert max(sizes) <= 64
    assert together.keys() == alone.keys()
    for candidate, total in alone.items():
        torch.testing.assert_close(together[candidate], total, rtol=1e-5, atol=1e-5)


def test_walk_of_tensors():
    tree = build_tree(SPACE.family, [SPACE.path(SPACE.min)], (3,), SIZE)
    scores = walk(tree, torch.zeros(2), lambda step, x: x + 1, lambda i, x: [x.sum()])
    assert [value.item() for _, [value] in scores] == [10]  # a stem and four blocks, two numbers
