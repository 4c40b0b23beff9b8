"""A cache of 600 embeddings: blocks of 256, 256 and 88."""

import json

import pytest
import torch

from gaia_ssl.models.teachers import EmbeddingCache
from gaia_ssl.utils import UserError

KEY = dict(teacher='a' * 64, data='b' * 64)
VALUES = torch.randn(600, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def make(tmp_path):
    def call(number=600, **key):
        cache = EmbeddingCache(str(tmp_path / 'cache'))
        cache.create({**KEY, **key}, number, 3)
        cache.open()
        return cache

    return call


def fill(cache, blocks):
    for block in blocks:
        cache.write(block, VALUES[block.start : block.stop])


def test_what_was_written_is_read(make):
    cache = make()
    assert cache.missing() == [range(256), range(256, 512), range(512, 600)] and len(cache) == 600
    fill(cache, cache.missing())
    assert cache.missing() == []
    indices = [599, 3, 3, 256]
    assert torch.equal(cache[indices], VALUES[indices])


def test_a_killed_process_leaves_what_it_had_marked(make):
    first = make()
    fill(first, [range(256, 512)])
    # as if killed between the two writes
    first._embeddings[:256] = 7
    second = make()
    assert second.missing() == [range(256), range(512, 600)]
    fill(second, second.missing())
    assert torch.equal(second[list(range(600))], VALUES)


def test_processes_see_what_others_write(make):
    one, other = make(), make()
    fill(one, [range(256)])
    fill(other, [range(256, 512), range(512, 600)])
    assert one.missing() == other.missing() == []
    assert torch.equal(one[list(range(600))], VALUES)


@pytest.mark.parametrize(
    'key, what', [(dict(teacher='c'), 'teacher'), (dict(data='c'), 'data'), (dict(number=5), 'num')]
)
def test_a_cache_of_others_is_refused(make, key, what):
    make()
    with pytest.raises(UserError, match=f'model.teacher.cache: .* of another {what}'):
        make(**key)


def test_damaged_files_are_told(make, tmp_path):
    make()
    folder = tmp_path / 'cache'
    (folder / 'done.npy').write_bytes(b'')
    with pytest.raises(UserError, match='model.teacher.cache: .* cannot be read'):
        make()
    (folder / 'about.json').write_text('{')
    with pytest.raises(UserError, match='about.json is damaged; remove the folder'):
        make()
    folder = tmp_path / 'file'
    folder.write_text('')
    with pytest.raises(UserError, match='model.teacher.cache: .*file cannot be written'):
        EmbeddingCache(str(folder)).create(KEY, 1, 1)


def test_without_about_json_it_is_made_anew(make, tmp_path):
    fill(make(), [range(256)])
    about = tmp_path / 'cache' / 'about.json'
    assert json.loads(about.read_text()) == dict(KEY, number=600, channels=3)
    about.unlink()
    assert len(make(teacher='c').missing()) == 3
    assert len(list((tmp_path / 'cache').iterdir())) == 3
