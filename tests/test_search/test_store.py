import os

import numpy as np
import pytest

from gaia_ssl.search.store import Store
from gaia_ssl.utils import UserError

FACTS = dict(seed=0, stages=(3,), images_sha256='a')


def make(folder, facts=FACTS):
    return Store(str(folder), facts)


def test_total_is_in_the_order_of_the_groups(tmp_path):
    whole = make(tmp_path)
    whole.open()
    store = whole.round(1, 3, (2,))
    rows = np.array([[1e16, 1], [1, 2], [-1e16, 3]])
    for group in (2, 0, 1):
        assert not store.done(group)
        store.write(group, rows[group])
        assert store.done(group)
    want = (rows[0] + rows[1]) + rows[2]
    assert store.total().tolist() == want.tolist()
    assert not [name for name in os.listdir(tmp_path / 'rounds' / '0001') if '.tmp' in name]


def test_blocks_of_candidates_fill_their_rows(tmp_path):
    store = make(tmp_path).round(0, 2, (3, 2), [[2, 0], [1]])
    store.write(0, np.array([[5, 6], [1, 2]]))
    store.write(1, np.array([[3, 4]]))
    assert store.total().tolist() == [[1, 2], [3, 4], [5, 6]]


def test_resuming_must_be_asked_for(tmp_path):
    make(tmp_path).open(resume=True)  # nothing there yet: it starts
    with pytest.raises(UserError, match='already holds a search; give resume'):
        make(tmp_path).open()
    make(tmp_path).open(resume=True)


def test_another_search_is_told_by_what_differs(tmp_path):
    make(tmp_path).open()
    with pytest.raises(UserError, match=r'another search \(other budget, seed\)'):
        make(tmp_path, dict(FACTS, seed=1, budget=2)).open(resume=True)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='file/below cannot be written'):
        make(tmp_path / 'file' / 'below').open()


def test_a_damaged_group_is_named(tmp_path):
    store = make(tmp_path).round(0, 1, (2,))
    store.write(0, np.zeros(2))
    (tmp_path / 'rounds' / '0000' / '000000.npy').write_bytes(b'')
    with pytest.raises(UserError, match='000000.npy cannot be read; delete it'):
        store.total()
