"""Every command in tools/ tells what it does when it is asked for help."""

import runpy
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
COMMANDS = sorted(path.relative_to(TOOLS).as_posix() for path in TOOLS.glob('**/*.py'))


@pytest.mark.parametrize('tool', COMMANDS)
def test_help(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [tool, '--help'])
    monkeypatch.setattr(sys, 'path', [str((TOOLS / tool).parent), *sys.path])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(TOOLS / tool), run_name='__main__')
    assert end.value.code in (0, None)
    assert capsys.readouterr().out.startswith('usage: ')
