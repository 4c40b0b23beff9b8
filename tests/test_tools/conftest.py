"""Command lines without a start of seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Imports what the tools need once and then runs each call, a line of JSON, in a process of its own
SERVER = """
import json, os, runpy, signal, sys, time
answers = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)  # what libraries print as they are imported is no answer
import gaia_ssl.engine.train, gaia_ssl.models.selfsup, gaia_ssl.search, gaia_ssl.visualization
import mmpretrain.datasets
from matplotlib import font_manager
for line in sys.stdin:
    call = json.loads(line)
    if not (child := os.fork()):
        for stream, path in ((1, call['out']), (2, call['err'])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        os.environ.update(call['env'])
        sys.argv = call['argv']
        runpy.run_path(sys.argv[0], run_name='__main__')
        sys.exit()
    if call['kill_after'] is not None:
        time.sleep(call['kill_after'])
        os.kill(child, signal.SIGKILL)  # no error if it has ended: nobody has waited for it
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)
"""


@pytest.fixture(scope='session')
def server():
    env = dict(
        os.environ,
        PYTHONPATH=str(ROOT),
        OMP_NUM_THREADS='1',
        CUDA_VISIBLE_DEVICES='',
        PYTHON=sys.executable,
    )
    with subprocess.Popen(
        [sys.executable, '-c', SERVER],
        cwd=ROOT,
        env=env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def command(server, tmp_path_factory):
    """Run a tool, from the project's root, and return the completed process.

    ``command(tool, *args, env=None, kill_after=None)``, the last in seconds.
    """

    def call(tool, *args, env=None, kill_after=None):
        streams = tmp_path_factory.mktemp('streams')
        out, err = streams / 'out', streams / 'err'
        argv = [str(ROOT / tool), *map(str, args)]
        line = dict(argv=argv, out=str(out), err=str(err), env=env or {}, kill_after=kill_after)
        server.stdin.write(json.dumps(line) + '\n')
        server.stdin.flush()
        code = int(server.stdout.readline())
        return subprocess.CompletedProcess(argv, code, out.read_text(), err.read_text())

    return call
