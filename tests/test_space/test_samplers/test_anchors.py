from itertools import combinations

import pytest

from gaia_ssl.space import AnchorSampler, get_space
from gaia_ssl.utils import UserError

AR = get_space('ar50to101')


def test_all_of_them_with_max_last():
    archs = AnchorSampler(['MAX', 'R50', 'MIN']).sample(AR, 0)
    assert archs == [AR.anchors['R50'], AR.min, AR.max]


def test_every_choice_of_some_is_as_likely(small):
    names = ['MIN', 'R50', 'R77', 'R101']
    drawn = [str(AnchorSampler(names, num=2).sample(AR, i)) for i in range(2000)]
    pairs = [str([AR.anchors[n] for n in pair]) for pair in combinations(names, 2)]
    small.check_shares(drawn, dict.fromkeys(pairs, 1 / 6))


def test_names_the_anchor_that_the_space_lacks(small):
    with pytest.raises(UserError, match=r"arch_sampler.names: .*'R50' is not an anchor"):
        AnchorSampler(['R50']).sample(small.space, 0)


@pytest.mark.parametrize('names', [[], 'MAX', ['MAX', 'MAX']])
def test_refuses_names_that_are_no_list(names):
    with pytest.raises(UserError, match='arch_sampler.names: '):
        AnchorSampler(names)


@pytest.mark.parametrize('num', [0, 3])
def test_refuses_a_number_that_cannot_be_drawn(num):
    with pytest.raises(UserError, match='arch_sampler.num: '):
        AnchorSampler(['MAX', 'MIN'], num=num)
