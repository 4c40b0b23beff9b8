import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.search.compare import compare, meta_differences, parse_top, report
from gaia_ssl.utils import UserError


def result(distances, **meta):
    """A result of archs by number, best first."""
    rows = [dict(arch=dict(width=8, depth=[i]), distance=d) for i, d in distances.items()]
    return dict(meta=meta, subnets=sorted(rows, key=lambda row: row['distance']), anchors=[])


def spearman(a, b):
    ranks = [[sum(y < x for y in v) + sum(y == x for y in v) / 2 for x in v] for v in (a, b)]
    return np.corrcoef(ranks)[0, 1]


def kendall(a, b):
    """Tau-b by definition: pairs in the same order less pairs in the other, ties set apart."""
    pairs = list(itertools.combinations(range(len(a)), 2))
    signs = np.array([[np.sign(v[i] - v[j]) for i, j in pairs] for v in (a, b)])
    return signs.prod(0).sum() / np.sqrt((signs**2).sum(1).prod())


pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=12)


@settings(max_examples=50, deadline=None)
@given(pairs.filter(lambda p: all(len(set(column)) > 1 for column in zip(*p))))
def test_correlations(values):
    a, b = zip(*values)
    found = compare(dict(a=result(dict(enumerate(a))), b=result(dict(enumerate(b)))), [1])
    assert found['spearman'][0][1] == pytest.approx(spearman(a, b), abs=1e-9)
    assert found['kendall'][1][0] == pytest.approx(kendall(a, b), abs=1e-9)


def test_over_the_archs_that_all_scored():
    a = result({0: 0.9, 1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4}, task='global', bn=dict(group=8))
    b = result({1: 4, 2: 3, 3: 2, 4: 1, 5: 0}, task='dense', bn=dict(group=8))
    c = result({4: 8, 3: 7, 2: 6, 1: 5, 9: 1}, task='global', bn=dict(group=16))
    found = compare(dict(a=a, b=b, c=c), [1, '50%'])
    assert found['counts'] == dict(a=5, b=5, c=5) and found['num_common'] == 4
    assert [arch['depth'] for arch in found['archs']] == [[1], [2], [3], [4]]
    assert found['ranks'] == dict(a=[1, 2, 3, 4], b=[4, 3, 2, 1], c=[1, 2, 3, 4])
    assert np.allclose(found['spearman'], [[1, -1, 1], [-1, 1, -1], [1, -1, 1]])
    assert np.allclose(found['kendall'], found['spearman'])
    first, half = found['top']
    assert first == dict(k=1, shared=[[1, 0, 1], [0, 1, 0], [1, 0, 1]], expected=0.25)
    assert half == dict(k=2, shared=[[2, 0, 2], [0, 2, 0], [2, 0, 2]], expected=1)
    assert found['best']['b'] == dict(arch=dict(width=8, depth=[4]), ranks=dict(a=4, b=1, c=4))
    assert found['differences'] == {
        'task': ['global', 'dense', 'global'],
        'bn.group': [8, 8, 16],
    }


def test_expected_overlap_is_that_of_random_rankings():
    rng = np.random.default_rng(0)
    shared = []
    for _ in range(60):
        drawn = [result(dict(enumerate(rng.permutation(20).tolist()))) for _ in range(2)]
        (top,) = compare(dict(zip('ab', drawn)), [6])['top']
        shared.append(top['shared'][0][1])
    assert np.mean(shared) == pytest.approx(top['expected'], abs=0.5)
    assert top['expected'] == pytest.approx(6 * 6 / 20)


def test_the_order_of_an_archs_fields_does_not_matter():
    a, b = result({0: 1, 1: 2}), result({0: 1, 1: 2})
    b['subnets'][0]['arch'] = dict(depth=[0], width=8)
    found = compare(dict(a=a, b=b), [1])
    assert found['num_common'] == 2 and list(found['archs'][0]) == ['width', 'depth']


def test_equal_distances_have_no_correlation():
    found = compare(dict(a=result({0: 1, 1: 1}), b=result({0: 1, 1: 2})), [1])
    assert found['spearman'][0] == [None, None] == found['kendall'][0]
    assert found['spearman'][1][1] == pytest.approx(1)


def test_differences():
    metas = dict(a=dict(seed=0, bn=dict(policy='group')), b=dict(seed=0, stages=[3]))
    assert meta_differences(metas) == {'bn.policy': ['group', None], 'stages': [None, [3]]}


@pytest.mark.parametrize('top, k', [(3, 3), ('3', 3), ('5%', 10), ('0.1%', 1), ('100%', 200)])
def test_tops(top, k):
    assert parse_top(top, 200) == k


@pytest.mark.parametrize('top', [0, 201, '101%', '0%', '-5', 'ten', 'inf%', 'nan%', '2.5'])
def test_no_tops(top):
    with pytest.raises(UserError, match='^top: '):
        parse_top(top, 200)


def test_nothing_to_compare():
    with pytest.raises(UserError, match='two or more'):
        compare(dict(a=result({0: 1})))
    with pytest.raises(UserError, match='a and b have 1 archs in common'):
        compare(dict(a=result({0: 1, 1: 2}), b=result({1: 1, 2: 2})))


def test_a_report_names_differences_correlations_and_best_archs():
    a = result({1: 1, 2: 2, 3: 3}, sha='0' * 64, stages=[3], images='x | y\n# z')
    b = result({1: 3, 2: 2, 3: 1}, sha='f' * 64, stages=[2])
    lines = report(compare(dict(a=a, b=b), [2])).splitlines()
    assert lines[0] == '# a against b'
    assert '| sha | 000000000000... | ffffffffffff... |' in lines
    assert '| stages | [3] | [2] |' in lines
    # a file's text stays in its cell
    assert '| images | x / y # z | null |' in lines
    assert lines.count('| a | 1.000 | -1.000 |') == 2
    assert '## Shared among the best 2' in lines and '1.33 by chance.' in lines
    assert '| best of b | 3 | 1 | {"width": 8, "depth": [3]} |' in lines
    same = report(compare(dict(a=a, b=result({1: 1, 2: 1, 3: 1}, **a['meta'])), [2]))
    assert 'Nothing: the same search.' in same and '| a | 1.000 | undefined |' in same
