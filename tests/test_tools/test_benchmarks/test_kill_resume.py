import random
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import SimpleNamespace

import kill_resume
import pytest
import torch
from kill_resume import Cell, differences, run_cell, table, wait_for, write_images


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'images'
    write_images(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize('cell', [Cell('mocov2', 'epoch', 2), Cell('byol', 'iteration', 0)])
def test_killed_and_resumed_it_ends_as_if_left_alone(cell, images, tmp_path, monkeypatch):
    monkeypatch.chdir(kill_resume.ROOT)
    # it forks, which a process that has run a backward pass, in another test, must not
    with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as fresh:
        call = fresh.submit(run_cell, cell, 3, tmp_path / 'work', images, random.Random(0))
        result = call.result()
    assert result['kills'] == 3 and result['kills_in_checkpoint'] >= 1
    assert result['differ'] == []


def test_differences_to_the_bit():
    state = dict(a=torch.tensor([1.0, float('nan')]), b=[1, dict(c=torch.zeros(2))])
    same = dict(a=torch.tensor([1.0, float('nan')]), b=[1, dict(c=torch.zeros(2))])
    assert list(differences(state, same)) == []
    same['b'][1]['c'][1] = -0.0
    assert list(differences(state, same)) == ['.b.1.c']
    same['b'][0] = 2
    same['d'] = 0
    assert set(differences(state, same)) == {': keys', '.b.0', '.b.1.c'}
    assert list(differences([1, 2], [1])) == [': length']
    assert list(differences(torch.zeros(1), torch.zeros(1).double())) == ['']


@pytest.mark.parametrize('aimed', [False, True])
def test_no_moment_after_the_end(aimed):
    ended = SimpleNamespace(done=lambda: True, iterations=lambda: 9, drafts=lambda: ['a.pth.tmp'])
    assert not wait_for(ended, aimed, random.Random(0))


def test_an_aimed_kill_waits_for_a_draft():
    drafts = iter([[], [], ['a.pth.tmp']])
    training = SimpleNamespace(
        done=lambda: False, iterations=lambda: 99, drafts=lambda: next(drafts)
    )
    assert wait_for(training, True, random.Random(0))
    assert next(drafts, None) is None


def test_the_table_counts_and_names_what_differs():
    rows = {
        Cell('mocov2', 'epoch', 0): dict(kills=3, kills_in_checkpoint=1, differ=[]),
        Cell('byol', 'epoch', 2): dict(kills=2, kills_in_checkpoint=2, differ=['.x', '.y']),
    }
    lines = table(rows).splitlines()
    assert lines[1].split()[-3:] == ['3', '1', 'equal']
    assert lines[2].endswith('2 differ (.x)')
    assert lines[3].split() == ['all', '5', '3']
