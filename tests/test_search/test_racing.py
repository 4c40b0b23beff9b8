"""Rules of a race, on matrices of distances whose whole ranking is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from gaia_ssl.search.racing import (
    DESIGN_EFFECT,
    Race,
    TreeCosts,
    race_from,
    rungs_of,
    separation,
)
from gaia_ssl.search.tree import build_tree
from gaia_ssl.space import count_cost, get_space
from gaia_ssl.utils import UserError

SPACE = get_space('tiny10to22')


class Equal:
    """Costs of archs that share nothing."""

    def __init__(self, number):
        self.total = number

    def affordable(self, order, budget, least):
        return min(len(order), max(least, int(budget)))


def matrix(rng, archs=200, images=1024, spread=0.3):
    """Distances with a common part of each image, and archs that differ a little."""
    common = rng.gamma(2, size=images)
    own = rng.normal(scale=spread, size=archs)[:, None]
    return 5 + common + own + rng.normal(size=(archs, images))


def run(race, distances, sizes, seed=0):
    """A race on a whole matrix: the archs that are left, and the passes that it took."""
    bounds = np.cumsum([0, *sizes])
    alive, seen, passes = np.arange(len(distances)), [], 0
    rungs = rungs_of(sizes, seed, race.mode)
    for index, groups in enumerate(rungs):
        new = [i for group in groups for i in range(bounds[group], bounds[group + 1])]
        seen, passes = [*seen, *new], passes + len(alive) * len(new)
        if index + 1 < len(rungs):
            decisions = len(distances) * (len(rungs) - 1)
            part = distances[np.ix_(alive, seen)]
            kept = race.survivors(part, Equal(len(alive)), distances.shape[1], decisions)
            alive = alive[kept]
    return alive, passes


@pytest.mark.parametrize('mode, recall, saved', [('sure', 0.98, 2.5), ('fast', 0.9, 5.5)])
def test_the_best_are_found_with_a_part_of_the_passes(mode, recall, saved):
    race, found, passes = Race(mode), 0, 0
    for order in range(20):
        distances = matrix(np.random.default_rng(order))
        left, taken = run(race, distances, [64] * 16, order)
        best = set(np.argsort(distances.mean(1))[:10])
        found += len(best & set(left))
        passes += taken
    assert found >= recall * 200
    assert passes * saved <= 20 * distances.size


def test_a_sure_race_keeps_all_of_the_best_as_often_as_it_says():
    lost = 0
    for order in range(200):
        distances = matrix(np.random.default_rng(order), archs=60, spread=0.1)
        left, _ = run(Race('sure', top=5, delta=0.2), distances, [64] * 8, order)
        lost += not set(np.argsort(distances.mean(1))[:5]) <= set(left)
    assert lost <= 0.2 * 200


def test_the_bound_is_that_of_paired_differences():
    distances = matrix(np.random.default_rng(0), archs=30, images=128)
    kept = Race('sure', top=3).survivors(distances, Equal(30), 512, 90)
    best = np.argsort(distances.mean(1))[:3]
    z = norm.ppf(1 - 0.05 / 90)
    for arch in set(range(30)) - set(best):
        worse = []
        for other in best:
            difference = distances[arch] - distances[other]
            error = np.sqrt(difference.var(ddof=1) * DESIGN_EFFECT * (1 - 128 / 512) / 128)
            worse.append(difference.mean() > z * error)
        assert (arch in kept) == (not all(worse))
    assert 3 <= len(kept) < 30


def test_nothing_is_dropped_early():
    distances = matrix(np.random.default_rng(0))
    for mode in ('sure', 'fast'):
        kept = Race(mode).survivors(distances[:, :63], Equal(200), 1024, 100)
        assert len(kept) == 200
        # or where no more are looked for
        assert len(Race(mode, top=200).survivors(distances, Equal(200), 2048, 100)) == 200


def test_equal_archs_stay():
    distances = np.ones((20, 64))
    assert len(Race('sure', top=2).survivors(distances, Equal(20), 128, 10)) == 20


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(2, 64), min_size=1, max_size=40),
    seed=st.integers(0, 5),
    mode=st.sampled_from(['sure', 'fast']),
)
def test_every_group_is_in_one_step(sizes, seed, mode):
    rungs = rungs_of(sizes, seed, mode)
    assert sorted(sum(rungs, [])) == list(range(len(sizes)))
    images = [sum(sizes[group] for group in rung) for rung in rungs]
    assert all(rungs) and (images[0] >= 64 or len(rungs) == 1)
    # but for the last one, a step at least doubles the images, or adds two fifths
    for index in range(1, len(images) - 1):
        assert images[index] >= (1 if mode == 'fast' else 0.4) * sum(images[:index])
    assert rungs == rungs_of(sizes, seed, mode)


def test_costs_of_shared_beginnings():
    rng = np.random.default_rng(0)
    archs = [SPACE.sample(rng) for _ in range(12)]
    tree = build_tree(SPACE.family, map(SPACE.path, archs), (3,), (32, 32))
    costs = TreeCosts(tree, 12)
    alone = [count_cost(SPACE, arch, 32).flops for arch in archs]
    assert max(alone) < costs.total < sum(alone)
    for number in range(1, 13):
        part = TreeCosts(
            build_tree(SPACE.family, map(SPACE.path, archs[:number]), (3,), (32, 32)), number
        )
        if number == 1:
            assert part.total == alone[0]
        assert costs.affordable(range(12), part.total, 0) >= number
        assert costs.part(range(number)).total == part.total
        if number < 12:
            assert costs.affordable(range(12), part.total - 1, 0) < number
    assert costs.affordable(range(12), 0, 5) == 5
    same = TreeCosts(
        build_tree(SPACE.family, map(SPACE.path, [*archs, archs[0]]), (3,), (32, 32)), 13
    )
    assert same.total == costs.total
    assert costs.part([3, 5]).affordable([1, 0], alone[5], 0) == 1


def test_separation_says_how_many_images_it_would_take():
    rng = np.random.default_rng(0)
    distances = rng.normal(size=(6, 400)) + np.array([0, 0.02, 0.04, 1, 1, 1])[:, None]
    found = separation(distances, 2)
    assert found.possible == 1
    order = np.argsort(distances.mean(1))
    difference = distances[order[2]] - distances[order[1]]
    z = norm.ppf(0.95)
    want = DESIGN_EFFECT * (z * difference.std(ddof=1) / difference.mean()) ** 2
    assert found.images == pytest.approx(want, rel=0.01)
    assert separation(distances, 6) == (0, None)
    assert separation(np.ones((3, 5)), 1) == (2, None)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(mode='slow'), "race: 'slow' is not one of sure, fast"),
        (dict(mode='fast', top=0), 'top: 0 archs'),
        (dict(mode='sure', delta=1), 'delta: 1 is not a probability'),
    ],
)
def test_unfit_settings(options, message):
    with pytest.raises(UserError, match=message):
        Race(**options)


def test_settings_are_a_mode_or_more():
    assert race_from(None) is None
    assert race_from('fast') == Race('fast') == race_from(dict(mode='fast', top=10))
