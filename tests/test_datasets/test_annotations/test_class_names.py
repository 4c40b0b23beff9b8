"""A label has one name in all data sets."""

import pytest

from gaia_ssl.datasets.annotations.class_names import Names, check_names, difference, listed
from gaia_ssl.utils import UserError

CATS = ('cat', 'dog')
SYNSETS = ('n01', 'n02')


@pytest.mark.parametrize(
    'names',
    [
        [],
        [Names('a', CATS), Names('b', CATS), Names('c')],
        [Names('a', None, CATS), Names('b', CATS, None)],
        # words for the folders' names
        [Names('a', CATS, SYNSETS), Names('b', None, SYNSETS), Names('c', CATS)],
    ],
)
def test_names_that_agree(names):
    check_names(names)


@pytest.mark.parametrize(
    'names, message',
    [
        (
            [Names('a', CATS), Names('b', ('cat', 'dgo'))],
            "^b: its classes, .* of a, lack 'dog' and",
        ),
        ([Names('a', CATS), Names('b', CATS[::-1])], '^b: .* of a, are in another order; give'),
        ([Names('a', None, CATS), Names('b', None, CATS[1:])], "^b: its class folders, .*'cat'; a"),
        (
            [Names('a', ('dog', 'cat'), CATS)],
            '^a: its class folders, .* of a, are in another order',
        ),
        ([Names('a', CATS), Names('b', None, ('cat',))], "^b: .* classes of a, lack 'dog'"),
        ([Names('a', None, ('cat',)), Names('b', CATS)], "^a: .* classes of b, lack 'dog'"),
    ],
)
def test_names_that_differ(names, message):
    with pytest.raises(UserError, match=message):
        check_names(names)


def test_words():
    assert difference('abd', 'abc') == "lack 'c' and have 'd'"
    assert difference('cab', 'abc') == 'are in another order'
    assert listed('abcdefg') == "'a', 'b', 'c', 'd', 'e', ... (7 names)"
