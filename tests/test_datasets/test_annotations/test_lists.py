"""Lists of images."""

import pytest

from gaia_ssl.datasets.annotations.lists import read_list
from gaia_ssl.utils import UserError


def test_lines(tmp_path):
    (tmp_path / 'list.txt').write_text('a b.png 1\nä.png 0\n', 'utf-8')
    assert read_list(str(tmp_path / 'list.txt')) == ['a b.png 1', 'ä.png 0']


@pytest.mark.parametrize(
    'content, message',
    [
        (b'', 'lists no images; give one per line'),
        (b'\xef\xbb\xbfa.png 0', 'begins with a byte-order mark; save it as plain UTF-8'),
        (b'\xe4.png 0', 'is not text in UTF-8'),
    ],
)
def test_other_files(tmp_path, content, message):
    (tmp_path / 'list.txt').write_bytes(content)
    with pytest.raises(UserError, match=f'^ann_file: .*list.txt {message}'):
        read_list(str(tmp_path / 'list.txt'))
