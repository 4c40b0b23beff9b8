import json
import random
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

ROOT = Path(__file__).resolve().parents[3]
kill_resume = SourceFileLoader(
    'kill_resume', str(ROOT / 'tools/studies/kill_resume.py')
).load_module()
Cell, unequal_parts, table = kill_resume.Cell, kill_resume.unequal_parts, kill_resume.table
wait_for = kill_resume.wait_for
pytestmark = pytest.mark.slow


def test_killed_and_resumed_it_ends_as_if_left_alone(tmp_path):
    out = tmp_path / 'result.json'
    # MoCo v2 by epoch with workers, BYOL by iteration without, a frozen teacher by iteration
    options = ['--kills', '9', '--cells', '1', '6', '10', '--json', out]
    subprocess.run([sys.executable, kill_resume.__file__, *options], check=True)
    cells = json.loads(out.read_text())['cells']
    assert [(c['method'], c['loop'], c['workers']) for c in cells] == [
        ('mocov2', 'epoch', 2),
        ('byol', 'iteration', 0),
        ('distill', 'iteration', 0),
    ]
    for cell in cells:
        assert cell['kills'] == 3 and cell['kills_in_checkpoint'] >= 1
        assert cell['differ'] == []


def test_differences_to_the_bit():
    state = dict(a=torch.tensor([1.0, float('nan')]), b=[1, dict(c=torch.zeros(2))])
    same = dict(a=torch.tensor([1.0, float('nan')]), b=[1, dict(c=torch.zeros(2))])
    assert list(unequal_parts(state, same)) == []
    same['b'][1]['c'][1] = -0.0
    assert list(unequal_parts(state, same)) == ['.b.1.c']
    same['b'][0] = 2
    same['d'] = 0
    assert set(unequal_parts(state, same)) == {': keys', '.b.0', '.b.1.c'}
    assert list(unequal_parts([1, 2], [1])) == [': length']
    assert list(unequal_parts(torch.zeros(1), torch.zeros(1).double())) == ['']


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
