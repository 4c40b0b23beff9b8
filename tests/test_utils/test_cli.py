import argparse
import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import ConfigOptions, load_config, naming_options, run_cli


@pytest.fixture
def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    return lambda *values: parser.parse_args(['--cfg-options', *values]).cfg_options


def test_settings_are_kept_as_typed(parse):
    assert parse('a.b=1', 'c=[1,2]', 'd=x=y ') == {'a.b': '1', 'c': '[1,2]', 'd': 'x=y '}


@pytest.mark.parametrize('wrong', ['key', '=1', 'a..b=1'])
def test_what_is_no_setting_is_named(parse, wrong, capsys):
    with pytest.raises(SystemExit) as end:
        parse('x=1', wrong, 'y=2')
    assert end.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith(f'error: --cfg-options: {wrong} is not a setting; give KEY=VALUE')


@pytest.mark.parametrize('debug', ['1', '0'])
def test_the_traceback_is_shown_on_demand(monkeypatch, capsys, debug):
    def main():
        raise UserError('depth: too deep') from KeyError('cause')

    monkeypatch.setenv('GAIA_SSL_DEBUG', debug)
    with pytest.raises(SystemExit) as end:
        run_cli(main)
    assert end.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == 'error: depth: too deep'
    assert ("KeyError: 'cause'" in lines) == (debug == '1')


def test_an_error_is_one_line_with_paths_as_they_are(capsys):
    def main():
        raise UserError('images: a  b.png is\n  not there')

    with pytest.raises(SystemExit):
        run_cli(main)
    assert capsys.readouterr().err == 'error: images: a  b.png is not there\n'


@pytest.mark.parametrize('number, code', [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_unwinds(capsys, number, code):
    before = signal.getsignal(number)
    unwound = []

    def main():
        try:
            signal.raise_signal(number)
        finally:
            unwound.append(True)

    with pytest.raises(SystemExit) as end:
        run_cli(main)
    assert end.value.code == code and unwound
    assert capsys.readouterr().err == ''
    assert signal.getsignal(number) is before


@pytest.mark.parametrize('at_once', [True, False])
def test_sigterm_ends_a_process_of_a_pool(at_once):
    """As it starts, and in a wait in C, where no handler runs: mmdet's VOC metric hung."""
    ended = []

    def main():
        context = multiprocessing.get_context('fork')
        started = context.Event()
        process = context.Process(target=lambda: (started.set(), time.sleep(30)))
        process.start()
        if not at_once:
            started.wait()
        process.terminate()
        process.join(20)
        ended.append(process.exitcode)

    run_cli(main)
    assert ended == [-signal.SIGTERM]


def test_a_full_disk_without_a_name_says_what_to_do(capsys):
    def main():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(SystemExit):
        run_cli(main)
    assert capsys.readouterr().err == (
        'error: [Errno 28] No space left on device; make room where this command writes\n'
    )


PRINTS = """
import sys
from gaia_ssl.utils.cli import run_cli
run_cli(lambda: (print(sys.argv[1]), print(sys.argv[1], file=sys.stderr)))
"""


@pytest.mark.parametrize(
    'settings',
    [
        pytest.param(dict(LC_ALL='POSIX'), marks=pytest.mark.slow),
        dict(LC_ALL='C', PYTHONUTF8='0', PYTHONIOENCODING='ascii'),
    ],
)
def test_any_name_is_printed_in_any_locale(settings):
    name = b'caf\xe9 \xc3\xa9'
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, '-c', PRINTS, name],
        env={**os.environ, 'PYTHONPATH': str(root), **settings},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == name + b'\n'
    assert done.stderr.endswith(done.stdout)


def test_a_config_that_fails_is_one_line_and_a_bug_of_ours_is_not(tmp_path):
    config = tmp_path / 'config.py'
    config.write_text('depth = [1, 2][2]')
    with pytest.raises(UserError, match='config.py cannot be loaded .IndexError'):
        load_config(str(config))
    config.write_text('__import__("gaia_ssl.space").space.count_cost(1, 2, 3)')
    with pytest.raises(AttributeError):
        load_config(str(config))


def test_options_are_named_at_the_beginning_and_in_advice():
    options = dict(bn_group='--bn-group', stages='--stages')
    with pytest.raises(UserError) as caught, naming_options(options):
        raise UserError('bn_group: a/bn_group is large; lower bn_group, see a/bn_group; or stages')
    assert str(caught.value) == (
        '--bn-group: a/bn_group is large; lower bn_group, see a/bn_group; or --stages'
    )
    with pytest.raises(UserError, match='^--stages: 5 is too large$'), naming_options(options):
        raise UserError('stages: 5 is too large')
