"""Runs Python commands in processes that need not import first.

It imports what the tools need once. Then it forks for each call, a line of JSON on its standard
input, and answers with the call's exit code.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import sys
import time
import traceback


def serve() -> None:
    """Answer calls until the input ends."""
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # libraries print while they are imported; that is not an answer
    import_tools()
    # forks neither look through what was imported nor copy it for that
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        call = json.loads(line)
        if not (child := os.fork()):
            # taking thousands of modules down takes seconds: the process just ends
            os._exit(run(call))
        if call['kill_after'] is not None:
            time.sleep(call['kill_after'])
            os.kill(child, signal.SIGKILL)  # no error if it has ended: nobody has waited for it
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)


def import_tools() -> None:
    """Import most of what the tools do."""
    from matplotlib import font_manager  # noqa: F401

    import gaia_ssl.engine.train
    import gaia_ssl.models.selfsup
    import gaia_ssl.search
    import gaia_ssl.visualization  # noqa: F401


def run(call: dict) -> int:
    """Run a call as ``python FILE ARGUMENTS`` would; return its exit code."""
    for stream, path in ((1, call['out']), (2, call['err'])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.environ.update(call['env'])
    os.chdir(call['cwd'])
    sys.argv = call['argv']
    code = 0
    try:
        runpy.run_path(sys.argv[0], run_name='__main__')
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    if not isinstance(code, int | None):  # sys.exit(message)
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code or 0


if __name__ == '__main__':
    serve()
