import pytest

from gaia_ssl.search import progress as module
from gaia_ssl.search.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """The time, in seconds, that a progress sees."""
    now = [0.0]
    monkeypatch.setattr(module.time, 'monotonic', lambda: now[0])
    return now


def test_rate_and_time_left(clock, capsys):
    progress = Progress(100, 'round 1: ')
    clock[0] = 20.0
    progress(25)
    assert capsys.readouterr().out == 'round 1: 25/100 subnet passes, 1.2/s, 0:01:00 left\n'
    clock[0] = 7300.0
    progress(1)
    assert '26/100 subnet passes, 0.0/s, 5:46:' in capsys.readouterr().out


def test_a_log_has_a_line_every_ten_seconds_and_the_last(clock, capsys):
    progress = Progress(60)
    for second in range(60):
        clock[0] = float(second)
        progress(1)
    lines = capsys.readouterr().out.splitlines()
    done = [int(line.partition('/')[0]) for line in lines]
    assert done == [11, 21, 31, 41, 51, 60]
    assert lines[-1].endswith('0:00:00 left')


def test_a_terminal_rewrites_its_line(clock, capsys, monkeypatch):
    monkeypatch.setattr(module.sys.stdout, 'isatty', lambda: True, raising=False)
    progress = Progress(2)
    clock[0] = 1.0
    progress(1)
    progress(1)
    text = capsys.readouterr().out
    assert text.count('\r') == 2 and text.count('\n') == 1 and text.endswith('\n')


def test_quiet(clock, capsys):
    Progress(1, quiet=True)(1)
    assert capsys.readouterr().out == ''
