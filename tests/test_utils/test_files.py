import errno
import hashlib
import os
import resource
from contextlib import contextmanager
from multiprocessing import get_context

import pytest

from gaia_ssl.utils.files import (
    abandoned_drafts,
    atomic_folder,
    atomic_write,
    draft_name,
    file_digest,
    write_json,
)


@contextmanager
def full_disk(room):
    """Let no file grow beyond ``room`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_whole_or_not_there(tmp_path):
    path = tmp_path / 'a.txt'
    with atomic_write(str(path)) as file:
        file.write('first')
        assert not path.exists()
    assert path.read_text() == 'first'
    with pytest.raises(RuntimeError), atomic_write(str(path)) as file:
        file.write('second')
        raise RuntimeError
    assert path.read_text() == 'first'
    assert list(tmp_path.iterdir()) == [path]
    with atomic_write(str(path), 'wb') as file:
        file.write(b'third')
    assert path.read_bytes() == b'third'


def test_digest_of_a_file_larger_than_a_block(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / 'a').write_bytes(content)
    assert file_digest(tmp_path / 'a') == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize('mode, content', [('w', 'a' * 5000), ('wb', b'a' * 5000)])
def test_a_full_disk_is_reported_with_the_name(tmp_path, mode, content):
    path = tmp_path / 'a'
    path.write_text('old')
    with pytest.raises(OSError) as caught, full_disk(1000), atomic_write(str(path), mode) as file:
        file.write(content)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]


def test_an_error_keeps_the_name_that_it_has(tmp_path):
    with pytest.raises(OSError) as caught, atomic_write(str(tmp_path / 'a')):
        open('nowhere/b')
    assert caught.value.filename == 'nowhere/b'


def test_names_that_are_not_utf8_arrive(tmp_path):
    name = os.fsdecode(b'caf\xe9 \xc3\xa9')
    with atomic_write(str(tmp_path / 'a')) as file:
        file.write(name)
    assert os.fsdecode((tmp_path / 'a').read_bytes()) == name
    write_json(tmp_path / 'b', name)
    assert (tmp_path / 'b').read_bytes().isascii()


def test_each_process_has_its_own_draft_and_drafts_of_dead_ones_go(tmp_path, dead):
    path = str(tmp_path / 'a.txt')
    assert draft_name(path) != path
    others = [f'{path}.tmp{dead}', f'{path}.tmp{os.getppid()}', f'{path}.tmpfile', f'{path}.tmp1x']
    for other in others:
        open(other, 'w').close()
    assert abandoned_drafts(path) == others[:1]
    with atomic_write(path) as file:
        assert file.name == draft_name(path)
    assert sorted(tmp_path.iterdir()) == sorted(map(type(tmp_path), [path, *others[1:]]))


def test_processes_that_write_the_same_file_do_not_disturb_each_other(tmp_path):
    path = str(tmp_path / 'a')

    def write(text):
        for _ in range(50):
            with atomic_write(path) as file:
                file.write(text * 10_000)

    writers = [get_context('fork').Process(target=write, args=(text,)) for text in 'ab']
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert os.listdir(tmp_path) == ['a']
    assert (tmp_path / 'a').read_text() in ('a' * 10_000, 'b' * 10_000)


def test_a_folder_is_whole_or_not_there(tmp_path, dead):
    path = tmp_path / 'a' / 'out'
    (tmp_path / 'a' / f'out.tmp{dead}').mkdir(parents=True)
    with pytest.raises(OSError) as caught, full_disk(1000), atomic_folder(path) as draft:
        with open(f'{draft}/large', 'w') as file:
            file.write('a' * 5000)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert not list((tmp_path / 'a').iterdir())
    with atomic_folder(path) as draft:
        open(f'{draft}/b', 'w').close()
        assert not path.exists()
    assert list(tmp_path.rglob('*')) == [tmp_path / 'a', path, path / 'b']
