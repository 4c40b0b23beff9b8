"""tools/quickstart/run.py, as it is called."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gaia_ssl.utils.lock import lock

ROOT = Path(__file__).resolve().parents[3]
RUN = ROOT / 'tools' / 'quickstart' / 'run.py'
COMPARISON = ROOT / 'tools' / 'studies' / 'pretrained_vs_random.py'
ENV = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')


@pytest.fixture
def call(command):
    return lambda *args, script=RUN: command(script, *args)


@pytest.fixture
def finished(tmp_path):
    """The settings of a quickstart, as another call left them."""
    work_dir = tmp_path / 'work'
    work_dir.mkdir()
    (work_dir / 'settings.json').write_text(json.dumps(dict(data='scenes', smoke=True)))
    return work_dir


@pytest.mark.parametrize(
    'args, message',
    [
        (['--data', 'coco'], "argument --data: invalid choice: 'coco'"),
        (['--fast'], 'unrecognized arguments: --fast'),
        (['--work-dir'], 'argument --work-dir: expected one argument'),
    ],
)
def test_unknown_options(call, args, message):
    done = call(*args)
    assert done.returncode == 2 and message in done.stderr


def test_a_teacher_that_is_not_there(call, tmp_path):
    done = call('--work-dir', tmp_path / 'work', '--teacher', tmp_path / 'none.pth')
    assert done.returncode == 2 and not (tmp_path / 'work').exists()
    line = f'error: --teacher: {tmp_path}/none.pth does not exist; give a checkpoint\n'
    assert done.stderr == line


def test_a_file_in_the_way(call, tmp_path):
    (tmp_path / 'file').write_text('mine')
    for path in (tmp_path / 'file', tmp_path / 'file' / 'below'):
        done = call('--work-dir', path)
        assert done.returncode == 2
        assert done.stderr.startswith(f'error: --work-dir: {path} cannot be written (')
        assert done.stderr.count('\n') == 1
    assert os.listdir(tmp_path) == ['file'] and (tmp_path / 'file').read_text() == 'mine'


def test_a_folder_of_something_else_is_left_alone(call, tmp_path):
    (tmp_path / 'data').mkdir()
    done = call('--work-dir', tmp_path)
    assert done.returncode == 2
    assert f'--work-dir: {tmp_path} holds something else or was begun with other' in done.stderr
    assert os.listdir(tmp_path) == ['data']


@pytest.mark.parametrize('args', [[], ['--smoke', '--data', 'coco20']])
def test_a_quickstart_with_other_options_is_left_alone(call, finished, args):
    done = call('--work-dir', finished, *args)
    assert done.returncode == 2 and done.stderr.count('\n') == 1
    assert 'was begun with other options; choose another' in done.stderr
    assert os.listdir(finished) == ['settings.json']


def test_a_work_dir_in_use(call, finished):
    with lock(finished):
        for args in (['--smoke', '--work-dir', finished], [finished]):
            script = COMPARISON if args == [finished] else RUN
            done = call(*args, script=script)
            assert done.returncode == 2
            assert f'another command is at work in {finished}' in done.stderr
    assert sorted(os.listdir(finished)) == ['.lock', 'settings.json']


def test_a_failing_stage_shows_the_end_of_its_log(call, finished):
    # what the maker of the scenes refuses
    broken = finished / 'data'
    broken.write_text('a file in the way')
    done = call('--smoke', '--work-dir', finished)
    assert done.returncode == 1
    assert 'quickstart: stage data failed (exit code 2); end of ' in done.stderr
    assert f'{broken} holds something else' in done.stderr
    assert not (finished / 'report.json').exists()


def processes(text):
    """Command lines of the processes that name a text."""
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            line = path.read_bytes().replace(b'\0', b' ').decode(errors='replace')
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found


@pytest.mark.parametrize('sign', ['SIGINT', pytest.param('SIGTERM', marks=pytest.mark.slow)])
def test_stopped(tmp_path, sign):
    work_dir = tmp_path / 'work'
    command = [sys.executable, RUN, '--smoke', '--work-dir', str(work_dir)]
    with subprocess.Popen(command, env=ENV, stderr=subprocess.PIPE, text=True) as process:
        limit = time.monotonic() + 60
        while not (work_dir / 'logs' / 'data.log').exists():
            assert process.poll() is None and time.monotonic() < limit
            time.sleep(0.02)
        process.send_signal(signal.Signals[sign])
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == '\nquickstart: stopped; the same command resumes from here\n'
    # the workers of a stage die with it, but nobody waits for them
    limit = time.monotonic() + 10
    while running := processes(str(work_dir)):
        assert time.monotonic() < limit, running
        time.sleep(0.02)
    assert not (work_dir / 'report.json').exists()
