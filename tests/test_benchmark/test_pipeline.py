"""Stages as tiny processes: order, side by side, once, stopped."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gaia_ssl.benchmark.pipeline import Pipeline
from gaia_ssl.benchmark.stages import Records, Stage, StageError

# Leaves a line when it starts and when it ends, then its output.
WORK = """
import sys, time
name, seconds, out, trace = sys.argv[1:]
def note(what):
    with open(trace, 'a') as file:
        file.write(f'{what} {name}\\n')
note('start')
print('hello from', name)
time.sleep(float(seconds))
open(out, 'w').write(name)
note('end')
"""


@pytest.fixture
def make(tmp_path):
    """Makes stages, each a process that takes a while and writes one file."""

    def make(name, *needs, seconds=0, code=WORK, **options):
        out = tmp_path / f'{name}.out'
        args = [name, str(seconds), str(out), str(tmp_path / 'trace')]
        options.setdefault('outputs', [out])
        return Stage(name, [sys.executable, '-c', code, *args], needs=needs, **options)

    return make


@pytest.fixture
def trace(tmp_path):
    """What the processes noted since it was last asked."""

    def trace():
        path = tmp_path / 'trace'
        lines = path.read_text().split('\n')[:-1] if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    return trace


def test_names_of_files_need_not_be_utf8(make, tmp_path):
    folder = tmp_path / os.fsdecode(b'caf\xe9')
    stage = make('a', outputs=[folder / 'a.out'])
    stage.command[-2] = str(folder / 'a.out')
    folder.mkdir()
    Pipeline([stage], folder).run()
    assert os.fsencode(folder / 'a.out') in (folder / 'logs' / 'a.log').read_bytes()
    assert Records(folder).done([stage]) == {'a'}


def test_each_stage_waits_for_what_it_needs(make, trace, tmp_path):
    stages = [make('a', seconds=0.2), make('b', 'a'), make('c', 'a', 'b')]
    Pipeline(stages, tmp_path, cores=2).run()
    assert trace() == ['start a', 'end a', 'start b', 'end b', 'start c', 'end c']
    assert 'hello from b' in (tmp_path / 'logs' / 'b.log').read_text()


def test_independent_stages_run_side_by_side_within_the_cores(make, trace, tmp_path):
    stages = [make(name, seconds=0.6) for name in 'ab'] + [make('c', seconds=0, cores=2)]
    Pipeline(stages, tmp_path, cores=2).run()
    lines = trace()
    assert {*lines[:2]} == {'start a', 'start b'}
    assert lines[4:] == ['start c', 'end c']


def test_a_stage_that_wants_more_than_there_is_runs_alone(make, trace, tmp_path):
    Pipeline([make('a', cores=4), make('b', cores=1)], tmp_path, cores=1).run()
    assert trace() == ['start a', 'end a', 'start b', 'end b']


def test_stages_out_of_order_are_refused(make, tmp_path):
    with pytest.raises(ValueError, match='stage b comes before what it needs'):
        Pipeline([make('b', 'a'), make('a')], tmp_path)


def test_records_hold_figures_and_times(make, tmp_path, capsys):
    Pipeline([make('a', seconds=0.3, collect=lambda: dict(top1=0.25))], tmp_path).run()
    record = Records(tmp_path)['a']
    assert record['result'] == dict(top1=0.25) and record['attempts'] == 1
    assert 0.3 <= record['end'] - record['start'] < 5
    assert '[ 1/1] a' in (out := capsys.readouterr().out) and 'top1 0.25' in out


def test_without_a_terminal_lines_tell_what_started_and_what_ended(make, tmp_path, capsys):
    Pipeline([make('first', seconds=0.3), make('b', 'first')], tmp_path, cores=1).run()
    logs = re.escape(f'{tmp_path}/logs')
    lines = [
        rf'\[ 1/2\] first  started, see {logs}/first.log',
        r'\[ 1/2\] first +\d+ s  ',
        rf'\[ 2/2\] b      started, see {logs}/b.log',
        r'\[ 2/2\] b +\d+ s  ',
    ]
    assert re.fullmatch('\n'.join(lines), capsys.readouterr().out.strip('\n'))


def test_a_terminal_tells_what_runs_in_one_line(make, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True)
    Pipeline([make('a', seconds=0.3)], tmp_path).run()
    out = capsys.readouterr().out
    assert 'started' not in out and re.search(r'\r\033\[K        running: a \d+ s', out)


def test_env_is_given(make, tmp_path):
    code = 'import os, sys; open(sys.argv[3], "w").write(os.environ["COLOR"])'
    Pipeline([make('a', code=code, env=dict(COLOR='red'))], tmp_path).run()
    assert (tmp_path / 'a.out').read_text() == 'red'


def test_what_is_done_is_skipped_and_what_is_gone_is_made_again(make, trace, tmp_path, capsys):
    stages = [make('a'), make('b', 'a'), make('c')]
    Pipeline(stages, tmp_path, cores=1).run()
    trace()
    capsys.readouterr()
    Pipeline(stages, tmp_path, cores=1).run()
    assert trace() == []
    assert capsys.readouterr().out.count('(done before)') == 3
    # b needs a, and a's output is made anew; c has nothing to do with it
    (tmp_path / 'a.out').unlink()
    Pipeline(stages, tmp_path, cores=1).run()
    assert trace() == ['start a', 'end a', 'start b', 'end b']


# Fails half-way the first time it finds its folder empty.
TWICE = """
import os, sys
name, _, out, trace = sys.argv[1:]
folder = out.replace('.out', '')
os.makedirs(folder, exist_ok=True)
found = os.listdir(folder)
open(os.path.join(folder, 'half'), 'w').close()
if not found:
    sys.exit('half-way')
open(out, 'w').close()
"""


def test_only_a_stage_that_resumes_keeps_its_folder(make, tmp_path):
    half = tmp_path / 'a' / 'half'
    stages = [make('a', code=TWICE, folder=tmp_path / 'a', resumes=True)]
    with pytest.raises(StageError):
        Pipeline(stages, tmp_path).run()
    assert half.exists()
    Pipeline(stages, tmp_path).run()
    assert Records(tmp_path)['a']['attempts'] == 2
    half.unlink()
    half.parent.rmdir()
    (tmp_path / 'a.out').unlink()
    with pytest.raises(StageError):  # nothing is left to go on with
        Pipeline(stages, tmp_path).run()
    assert Records(tmp_path)['a']['attempts'] == 1
    stages = [make('b', code=TWICE, folder=tmp_path / 'b')]
    for _ in range(2):
        with pytest.raises(StageError):
            Pipeline(stages, tmp_path).run()
    assert Records(tmp_path)['b']['attempts'] == 1


def test_a_stage_does_not_resume_from_what_is_gone(make, tmp_path):
    stages = [make('a'), make('b', 'a', code=TWICE, folder=tmp_path / 'b', resumes=True)]
    with pytest.raises(StageError):
        Pipeline(stages, tmp_path).run()
    (tmp_path / 'a.out').unlink()
    with pytest.raises(StageError):  # its half is of the a that was before
        Pipeline(stages, tmp_path).run()
    Pipeline(stages, tmp_path).run()


def undone():
    raise LookupError('no figures')


FAILURES = dict(
    code=(
        dict(code='for i in range(40): print("line", i)\nraise SystemExit(3)'),
        r'stage a failed \(exit code 3\); end of .*/logs/a.log:\nline 25\n(line \d+\n)+line 39$',
    ),
    signal=(dict(code='import os; os.kill(os.getpid(), 9)'), r'stage a failed \(exit code -9\)'),
    output=(dict(code='print("bye")'), r'stage a failed \(.*/a.out is missing\)(.|\n)*bye$'),
    result=(dict(collect=undone), r'its result cannot be read: LookupError\(.no figures.\)'),
)


@pytest.mark.parametrize('options, message', FAILURES.values(), ids=FAILURES)
def test_a_failing_stage_stops_the_others(make, trace, tmp_path, options, message):
    stages = [make('a', **options), make('b', seconds=60), make('c', 'a')]
    start = time.monotonic()
    with pytest.raises(StageError, match=message):
        Pipeline(stages, tmp_path, cores=2).run()
    assert time.monotonic() - start < 20
    assert 'end b' not in (lines := trace()) and 'start c' not in lines
    assert Records(tmp_path).done(stages) == set()


def test_a_tolerant_pipeline_goes_on_without_what_needs_the_failed(make, trace, tmp_path, capsys):
    code = 'print("why\\n\\nbecause")\nraise SystemExit(3)'
    stages = [make('a', code=code), make('b', 'a'), make('c', 'b'), make('d', seconds=0.1)]
    pipeline = Pipeline(stages, tmp_path, cores=1, tolerant=True)
    pipeline.run()
    assert trace() == ['start d', 'end d']
    line = f'exit code 3: because; see {tmp_path}/logs/a.log'
    assert pipeline.failures == dict(a=line)
    assert f'a failed, {line}\n' in capsys.readouterr().out
    assert Records(tmp_path).done(stages) == {'d'}


def test_each_of_those_side_by_side_has_a_lane(make, tmp_path):
    code = 'import os, sys, time; time.sleep(0.5); open(sys.argv[3], "w").write(os.environ["LANE"])'
    stages = [make(name, code=code) for name in 'abcd']
    Pipeline(stages, tmp_path, cores=2, lanes=[dict(LANE='0'), dict(LANE='1')]).run()
    lanes = [(tmp_path / f'{name}.out').read_text() for name in 'abcd']
    assert sorted(lanes[:2]) == sorted(lanes[2:]) == ['0', '1']


# A stage with a worker: both must go.
FAMILY = """
import os, sys, time
os.fork()
open(sys.argv[3] + str(os.getpid()), 'w').close()
time.sleep(60)
"""
ORCHESTRATOR = """
import signal
from pathlib import Path
from gaia_ssl.benchmark.pipeline import Pipeline
from gaia_ssl.benchmark.stages import Stage
signal.signal(signal.SIGTERM, signal.default_int_handler)
work_dir = Path({work_dir!r})
stage = Stage('a', {command!r}, outputs=[work_dir / 'never'])
Pipeline([stage], work_dir).run()
"""


def alive(pid):
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


@pytest.mark.parametrize('sign, left', [('SIGTERM', 0), ('SIGINT', 0), ('SIGKILL', 1)])
def test_nothing_is_left_of_a_stopped_pipeline(make, tmp_path, sign, left):
    code = ORCHESTRATOR.format(work_dir=str(tmp_path), command=make('a', code=FAMILY).command)
    with subprocess.Popen([sys.executable, '-c', code], stderr=subprocess.DEVNULL) as process:
        limit = time.monotonic() + 30
        while len(pids := [int(p.suffix[4:]) for p in tmp_path.glob('a.out*')]) < 2:
            assert time.monotonic() < limit
            time.sleep(0.05)
        assert all(map(alive, pids))
        process.send_signal(signal.Signals[sign])
        assert process.wait(20) != 0
    # a kill that cannot be caught takes the stage along; its workers watch it themselves
    limit = time.monotonic() + 10
    while sum(map(alive, pids)) > left and time.monotonic() < limit:
        time.sleep(0.05)
    survivors = [pid for pid in pids if alive(pid)]
    for pid in survivors:
        os.kill(pid, signal.SIGKILL)
    assert len(survivors) == left


def test_a_signal_during_a_start_leaves_nothing(make, tmp_path, monkeypatch):
    started = []

    def interrupted(*args, **options):
        started.append(start(*args, **options))
        os.kill(os.getpid(), signal.SIGINT)
        return started[0]

    start = subprocess.Popen
    monkeypatch.setattr(subprocess, 'Popen', interrupted)
    with pytest.raises(KeyboardInterrupt):
        Pipeline([make('a', seconds=60)], tmp_path).run()
    assert started[0].returncode == -signal.SIGKILL


def test_a_stage_hears_signals(make, tmp_path):
    code = 'import os, signal; os.kill(os.getpid(), signal.SIGTERM); raise SystemExit(3)'
    with pytest.raises(StageError, match=r'exit code -15'):
        Pipeline([make('a', code=code)], tmp_path).run()
