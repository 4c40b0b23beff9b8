import hashlib

import pytest

from gaia_ssl.utils.files import atomic_write, file_digest


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
