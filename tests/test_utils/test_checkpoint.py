import os
import pickle
import sys
from functools import partial
from types import ModuleType

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import CheckpointLoader
from torch.serialization import get_safe_globals, safe_globals

import gaia_ssl.registry  # noqa: F401 - changes how MMEngine reads checkpoints
from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import TRUST, load_checkpoint, save_checkpoint, write_checkpoint


class Reduced:
    """Unpickles by calling a function."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        function, *args = self.call
        return function, tuple(args)


@pytest.fixture
def save(tmp_path):
    """Save a content among weights; return the path."""

    def save(content, zipped=True):
        path = str(tmp_path / 'a.pth')
        content = dict(state_dict=dict(a=torch.ones(2)), meta=content)
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        return path

    return save


@pytest.mark.parametrize('text', ['', '{"arch": 1}', 'hello', 'epoch 1'])
def test_a_text_is_not_a_checkpoint(tmp_path, text):
    path = tmp_path / 'text.pth'
    path.write_text(text)
    with pytest.raises(UserError, match='text.pth cannot be read .*; it may be truncated'):
        load_checkpoint(str(path))


@pytest.mark.parametrize('weights, kind', [(None, 'NoneType'), ([1], 'list')])
def test_a_state_dict_without_weights(tmp_path, weights, kind):
    """Read by this package, or by MMEngine for its Runner and for ``init_cfg``."""
    path = str(tmp_path / 'a.pth')
    torch.save(dict(state_dict=weights, meta={}), path)
    for load in (load_checkpoint, CheckpointLoader.load_checkpoint):
        with pytest.raises(UserError, match=f'^checkpoint: {path} has no weights: .* type {kind};'):
            load(path)


@pytest.mark.parametrize('mmap', [False, True])
def test_a_name_that_is_not_utf8(tmp_path, mmap):
    path = str(tmp_path / os.fsdecode(b'caf\xe9.pth'))
    write_checkpoint(dict(state_dict=dict(a=torch.ones(2))), path)
    assert load_checkpoint(path, mmap=mmap)['state_dict']['a'].tolist() == [1, 1]


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match='none.pth does not exist'):
        load_checkpoint(str(tmp_path / 'none.pth'))


def test_the_log_of_a_runner_is_allowed(save):
    hub = MessageHub.get_instance('test_checkpoint')
    hub.update_scalar('loss', 1.5)
    hub.update_info('palette', np.uint8([[1, 2, 3]]))
    hub.update_info('best', np.float64(2.5))
    content = load_checkpoint(save(hub.state_dict()))['meta']
    log = content['log_scalars']['loss']
    assert isinstance(log, HistoryBuffer) and log.statistics('mean') == 1.5
    assert content['runtime_info']['palette'].tolist() == [[1, 2, 3]]
    assert content['runtime_info']['best'] == 2.5


def test_an_empty_log_is_allowed(save):
    log = load_checkpoint(save(HistoryBuffer()))['meta']
    assert [len(array) for array in log.data] == [0, 0]


@pytest.mark.parametrize('code', '?bBhHiIlLqQefd')
def test_numpys_numbers_are_allowed(save, code):
    values = [np.ones(3, code), np.ones((), code)[()]]
    array, number = load_checkpoint(save(values))['meta']
    assert array.dtype == number.dtype == np.dtype(code) and array.sum() == 3 and number == 1


# what the release of NumPy that is not installed calls its functions
OTHER_NUMPY = ('numpy.core', 'numpy._core')


@pytest.mark.parametrize('module', OTHER_NUMPY)
def test_both_releases_of_numpy_are_read(save, tmp_path, module):
    there = next(name for name in OTHER_NUMPY if f'{name}.multiarray' in _pickled(np.ones(2)))
    path = tmp_path / 'b.pth'
    # an old checkpoint is a sequence of pickles, in which text can be replaced
    content = save([np.arange(3.0), np.float64(2)], zipped=False)
    data = open(content, 'rb').read()
    path.write_bytes(
        data.replace(f'c{there}.multiarray\n'.encode(), f'c{module}.multiarray\n'.encode())
    )
    array, number = load_checkpoint(str(path))['meta']
    assert array.tolist() == [0, 1, 2] and number == 2


def _pickled(value):
    return pickle.dumps(value, protocol=2).decode('latin-1')


MARK = 'executed'
EVIL = dict(
    open=lambda path: (Reduced(open, path, 'w'), 'io.open'),
    system=lambda path: (Reduced(os.system, f'touch {path}'), r'(posix|nt).system'),
    tofile=lambda path: (
        Reduced(partial(np.ones(1).tofile, path)),
        'functools.partial',
    ),
    method=lambda path: (Reduced(getattr, np.ndarray, 'tofile'), 'builtins.getattr'),
    eval=lambda path: (Reduced(eval, f'open({path!r}, "w")'), 'eval'),
    statistic=lambda path: (
        Reduced(getattr, HistoryBuffer, 'register_statistics'),
        'builtins.getattr',
    ),
)


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('kind', EVIL)
def test_what_could_run_code_is_refused_by_name(save, tmp_path, kind, zipped):
    mark = tmp_path / MARK
    content, name = EVIL[kind](str(mark))
    with pytest.raises(UserError, match=f'a.pth holds .*{name}.*; save .* {TRUST}=1') as raised:
        load_checkpoint(save(content, zipped))
    assert '\n' not in str(raised.value)
    assert not mark.exists()


def test_the_real_getattr_is_refused_even_if_somebody_allows_it(save):
    path = save(Reduced(getattr, np.ndarray, 'tofile'))
    with safe_globals([getattr, (getattr, 'builtins.getattr')]):
        with pytest.raises(UserError, match='holds builtins.getattr'):
            load_checkpoint(path)


class Thing:
    """A class of the user's."""


def test_classes_that_the_user_has_allowed_in_pytorch(save):
    path = save(Thing())
    before = get_safe_globals()
    with pytest.raises(UserError, match='holds .*Thing, which weights do not need'):
        load_checkpoint(path)
    with safe_globals([Thing]):
        assert isinstance(load_checkpoint(path)['meta'], Thing)
    assert set(get_safe_globals()) == set(before)


@pytest.mark.parametrize('zipped', [True, False])
def test_trusted_files_are_unpickled_with_a_warning(save, tmp_path, monkeypatch, zipped):
    mark = tmp_path / MARK
    path = save(Reduced(os.system, f'touch {mark}'), zipped)
    monkeypatch.setenv(TRUST, '0')
    with pytest.raises(UserError, match='posix.system'):
        load_checkpoint(path)
    monkeypatch.setenv(TRUST, '1')
    with pytest.warns(UserWarning, match=f'{TRUST}=1: .*a.pth is unpickled'):
        assert load_checkpoint(path)['meta'] == 0
    assert mark.exists()


@pytest.mark.filterwarnings('ignore:GAIA_SSL_TRUST')
def test_code_that_is_not_installed_is_named(save, monkeypatch):
    module = ModuleType('elsewhere')
    module.Thing = type('Thing', (), dict(__module__='elsewhere'))
    monkeypatch.setitem(sys.modules, 'elsewhere', module)
    path = save(module.Thing())
    del module.Thing
    with pytest.raises(UserError, match='a.pth holds elsewhere.Thing'):
        load_checkpoint(path)
    monkeypatch.setenv(TRUST, '1')
    with pytest.raises(UserError, match='a.pth holds objects of code .*Thing.*; install it'):
        load_checkpoint(path)
    monkeypatch.delitem(sys.modules, 'elsewhere')
    with pytest.raises(UserError, match="a.pth holds objects of code .*'elsewhere'"):
        load_checkpoint(path)


def test_save_checkpoint_makes_the_folder(tmp_path):
    path = tmp_path / 'deep' / 'weights.pth'
    save_checkpoint(dict(w=torch.ones(2)), str(path))
    assert load_checkpoint(str(path))['w'].tolist() == [1, 1]


def test_safetensors(tmp_path, monkeypatch):
    path = tmp_path / 'weights.safetensors'
    pytest.importorskip('safetensors.torch').save_file(dict(w=torch.ones(2)), path)
    assert load_checkpoint(str(path))['w'].tolist() == [1, 1]
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match='checkpoint: .*weights.safetensors cannot be read'):
        load_checkpoint(str(path))
    monkeypatch.setitem(sys.modules, 'safetensors.torch', None)
    with pytest.raises(UserError, match='weights.safetensors needs safetensors, .*pip install saf'):
        load_checkpoint(str(path))
