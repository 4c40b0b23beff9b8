import os
import signal

import torch
from mmengine.fileio import get_file_backend
from mmengine.runner import save_checkpoint

from gaia_ssl.engine.checkpoint import ATOMIC, latest_checkpoint

KILLED_BEFORE_RENAMING = """
import os, signal, sys
from mmengine.runner import save_checkpoint
from gaia_ssl.engine.checkpoint import ATOMIC
os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
save_checkpoint(dict(new=True), sys.argv[1], backend_args=dict(backend=ATOMIC))
"""


def write(path, age=0):
    torch.save(dict(path=str(path)), path)
    os.utime(path, (1e9 - age, 1e9 - age))
    return str(path)


def test_a_writer_killed_before_renaming_leaves_the_old_checkpoint(command, tmp_path):
    path = tmp_path / 'epoch_1.pth'
    save_checkpoint(dict(new=False), str(path), backend_args=dict(backend=ATOMIC))
    (tmp_path / 'writer.py').write_text(KILLED_BEFORE_RENAMING)
    done = command(tmp_path / 'writer.py', path)
    assert done.returncode == -signal.SIGKILL
    assert torch.load(path) == dict(new=False)
    # the new one was complete, but for its name
    [draft] = tmp_path.glob('epoch_1.pth.tmp*')
    assert torch.load(draft) == dict(new=True)


def test_the_backend_makes_folders_and_writes_text(tmp_path):
    backend = get_file_backend(backend_args=dict(backend=ATOMIC))
    backend.put_text('öne', tmp_path / 'a' / 'b.txt')
    assert (tmp_path / 'a/b.txt').read_text('utf-8') == 'öne'
    assert os.listdir(tmp_path / 'a') == ['b.txt']


def test_the_latest_is_the_one_that_is_named(tmp_path):
    assert latest_checkpoint(str(tmp_path)) is None
    old = write(tmp_path / 'epoch_1.pth', age=10)
    new = write(tmp_path / 'epoch_2.pth')
    (tmp_path / 'last_checkpoint').write_text(old)
    assert latest_checkpoint(str(tmp_path)) == old
    (tmp_path / 'last_checkpoint').unlink()
    assert latest_checkpoint(str(tmp_path)) == new


def test_a_name_of_nothing_or_of_a_broken_file_leads_to_the_newest_complete(tmp_path):
    write(tmp_path / 'iter_8.pth', age=20)
    newest = write(tmp_path / 'iter_16.pth', age=10)
    broken = tmp_path / 'iter_24.pth'
    write(broken)
    broken.write_bytes(broken.read_bytes()[:-100])
    write(tmp_path / 'best_knn_iter_24.pth')  # without its optimizer nothing resumes
    for named in (str(broken), str(tmp_path / 'iter_32.pth'), ''):
        (tmp_path / 'last_checkpoint').write_text(named)
        assert latest_checkpoint(str(tmp_path)) == newest
    for path in tmp_path.glob('iter_*.pth'):
        path.unlink()
    assert latest_checkpoint(str(tmp_path)) is None
