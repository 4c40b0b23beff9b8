import numpy as np
import pytest

from gaia_ssl.search.strategies import Exhaustive, Listed, Random
from gaia_ssl.search.tree import build_tree
from gaia_ssl.utils import UserError


def test_exhaustive_is_every_feasible_arch(feasible, play):
    assert play(Exhaustive(), feasible) == [list(range(len(feasible)))]


@pytest.mark.parametrize('run', [1, 7])
def test_random_is_distinct_and_seeded(feasible, play, run):
    [drawn] = play(Random(40, 3, run), feasible)
    assert [drawn] == play(Random(40, 3, run), feasible) != play(Random(40, 4, run), feasible)
    assert len(set(drawn)) == 40 and set(drawn) < set(range(len(feasible)))
    assert play(Random(10**6, share_prefixes=run), feasible) == play(Exhaustive(), feasible)


@pytest.mark.parametrize('run', [1, pytest.param(5, marks=pytest.mark.slow)])
def test_every_arch_is_as_likely(feasible, play, run):
    draws = 300
    counts = np.zeros(len(feasible))
    for seed in range(draws):
        counts[play(Random(len(feasible) // 4, seed, run), feasible)[0]] += 1
    share = (len(feasible) // 4) / len(feasible)
    # five standard deviations of a binomial, for each of a few hundred archs
    assert np.abs(counts / draws - share).max() < 5 * np.sqrt(share * (1 - share) / draws)


def test_runs_share_more_of_the_tree(feasible, play):
    def nodes(run):
        def count(node):
            return 1 + sum(map(count, node.children.values()))

        [drawn] = play(Random(60, 0, run), feasible)
        space = feasible.space
        paths = [space.path(feasible[i].arch) for i in drawn]
        return count(build_tree(space.family, paths, (3,), (64, 64)))

    assert nodes(10) < 0.8 * nodes(1)


def test_listed_archs_are_found(feasible, play):
    archs = [feasible[i].arch for i in (5, 0, 9)]
    assert play(Listed(archs), feasible) == [[0, 5, 9]]
    Listed(archs).check(feasible)


def test_what_cannot_be_listed(feasible):
    first, outside = feasible[0].arch, feasible.space.max
    assert outside not in [candidate.arch for candidate in feasible]
    for archs, message in (
        ([first, outside], 'archs: .* is not within the budget'),
        ([first, feasible[1].arch, first], 'archs: .* is listed twice'),
        ([dict(first, width=[1])], 'width'),
        ([], "archs: strategy 'listed' has none"),
    ):
        with pytest.raises(UserError, match=message):
            Listed(archs).check(feasible)
