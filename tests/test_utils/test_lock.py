import os
import subprocess
import sys

import pytest

from gaia_ssl.utils import UserError
from gaia_ssl.utils.lock import lock

HOLD = """
import os, time
from gaia_ssl.utils.lock import lock
with lock({folder!r}):
    if not os.fork():  # as a worker of a data loader, which outlives a killed parent
        time.sleep(30)
        os._exit(0)
    print(flush=True)
    time.sleep(30)
"""


def test_keeps_others_out_and_ends_with_its_process(tmp_path):
    folder = str(tmp_path / 'new')
    code = HOLD.format(folder=folder)
    with subprocess.Popen(
        [sys.executable, '-c', code], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        process.stdout.readline()
        with pytest.raises(UserError, match=f'^--out: another command is at work in {folder}; '):
            with lock(folder, '--out'):
                pass
        process.kill()
        process.wait()
        with lock(folder):
            pass
        os.killpg(process.pid, 9)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(UserError, match='^work_dir: .*file/new cannot be written .Not a dir'):
        with lock(tmp_path / 'file/new'):
            pass
