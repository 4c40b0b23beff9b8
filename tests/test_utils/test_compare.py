import copy

from hypothesis import given
from hypothesis import strategies as st

from gaia_ssl.utils.compare import describe_differences, differences

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('ab', min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(plain, plain)
def test_no_difference_is_equality(first, second):
    assert not list(differences(first, copy.deepcopy(first)))
    assert (list(differences(first, second)) == []) == (first == second)


def test_differences_are_named_as_deep_as_they_can_be():
    before = dict(optimizer=dict(lr=0.1, type='SGD'), hooks=[1, dict(a=2)], steps=[1, 2])
    now = dict(optimizer=dict(lr=0.2, type='SGD'), hooks=[1, dict(a=3)], steps=[1], new=None)
    found = list(differences(before, now))
    assert [d.field for d in found] == ['optimizer.lr', 'hooks.1.a', 'steps', 'new']
    assert describe_differences(found) == (
        'optimizer.lr was 0.1 and is 0.2, hooks.1.a was 2 and is 3, steps was [1, 2] and is [1]; '
        'and 1 more'
    )


def test_long_values_are_cut():
    [difference] = differences(dict(a='x' * 100), dict(a=1))
    assert str(difference) == f'a was {"x" * 57}... and is 1'
