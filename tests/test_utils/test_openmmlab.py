import io
import json
import os
import resource
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import mmengine
import pytest
import torch
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.logging import HistoryBuffer, MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from mmengine.runner import CheckpointLoader, Runner
from torch.utils.data import SequentialSampler

from gaia_ssl import registry  # noqa: F401 - adapts MMEngine
from gaia_ssl.utils import UserError
from gaia_ssl.utils.openmmlab import adapt_openmmlab, backward_uncounted, start_at_next_batch

GOOD = dict(state_dict=dict(a=torch.ones(2)), log=HistoryBuffer([1.0], [1]))


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.system, (f'touch {self.path}',)


def first_name(hub_file):
    return next(iter(json.loads(Path(mmengine.__path__[0], 'hub', hub_file).read_text())))


# each pattern that MMEngine registers, and a file that it loads
SCHEMES = {
    '': '{file}',
    'http://': 'http://127.0.0.1/a.pth',
    'https://': 'https://127.0.0.1/a.pth',
    'pavi://': 'pavi://a.pth',
    r'(\S+\:)?s3://': 's3://a.pth',
    r'(\S+\:)?petrel://': 'cluster:petrel://a.pth',
    'modelzoo://': 'modelzoo://resnet50',
    'torchvision://': 'torchvision://resnet50',
    'open-mmlab://': f'open-mmlab://{first_name("openmmlab.json")}',
    'openmmlab://': 'openmmlab://mine',
    'mmcls://': f'mmcls://{first_name("mmcls.json")}',
}


def test_every_scheme_of_mmengine_is_tried_here():
    assert set(CheckpointLoader._schemes) == set(SCHEMES)


@pytest.fixture
def transport(tmp_path, monkeypatch):
    """Whatever is downloaded is the file at this path."""
    source = tmp_path / 'source.pth'
    home = tmp_path / 'mmengine'
    home.mkdir()
    (home / 'open_mmlab.json').write_text(json.dumps(dict(mine=str(source))))
    monkeypatch.setenv('MMENGINE_HOME', str(home))
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))

    def download(url, path, *args, **kwargs):
        shutil.copy(source, path)

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    pavi = ModuleType('pavi')
    model = SimpleNamespace(name='a.pth', download=lambda path: shutil.copy(source, path))
    pavi.modelcloud = SimpleNamespace(get=lambda path: model)
    monkeypatch.setitem(sys.modules, 'pavi', pavi)
    ceph = SimpleNamespace(get=lambda path: source.read_bytes())
    monkeypatch.setattr('mmengine.runner.checkpoint.get_file_backend', lambda *a, **k: ceph)
    return source


@pytest.mark.parametrize('scheme', SCHEMES)
def test_loads_a_runners_checkpoint_and_runs_nothing(tmp_path, transport, scheme):
    name = SCHEMES[scheme].format(file=transport)
    torch.save(dict(GOOD, evil=Evil(tmp_path / 'executed')), transport)
    with pytest.raises(UserError) as raised:
        CheckpointLoader.load_checkpoint(name, 'cpu')
    assert str(raised.value).startswith(f'checkpoint: {name} holds posix.system, which')
    assert not (tmp_path / 'executed').exists()
    shutil.rmtree(tmp_path / 'torch', ignore_errors=True)  # its cache of downloads
    torch.save(GOOD, transport)
    assert 'state_dict' in CheckpointLoader.load_checkpoint(name)


def test_the_user_can_trust_a_file(tmp_path, transport, monkeypatch):
    torch.save(dict(GOOD, evil=Evil(tmp_path / 'executed')), transport)
    monkeypatch.setenv('GAIA_SSL_TRUST', '1')
    for name in ('http://127.0.0.1/a.pth', str(transport)):
        with pytest.warns(UserWarning, match=f'{name} is unpickled'):
            assert CheckpointLoader.load_checkpoint(name)['evil'] == 0
        (tmp_path / 'executed').unlink()


def test_pytorchs_own_loading_is_left_alone(transport):
    before = torch.load
    torch.save(GOOD, transport)
    adapt_openmmlab()  # a second time
    CheckpointLoader.load_checkpoint(str(transport))
    assert torch.load is before
    buffer = io.BytesIO()
    torch.save(UserError('x'), buffer)
    buffer.seek(0)
    assert isinstance(torch.load(buffer, weights_only=False), UserError)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match=f'^checkpoint: {tmp_path}/a.pth does not exist$'):
        CheckpointLoader.load_checkpoint(f'{tmp_path}/a.pth')


@pytest.mark.slow
def test_mmpretrain_beside_another_transformers(tmp_path):
    (tmp_path / 'transformers.py').write_text(
        '__path__ = []\ndef __getattr__(name):\n    raise ImportError(f"no {name} any more")\n'
    )
    for name in ('transformers', 'pycocotools'):
        info = tmp_path / f'{name}-9.0.dist-info'
        info.mkdir()
        (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: 9.0\n')
    code = """
import sys
import gaia_ssl.registry
assert 'mmpretrain' not in sys.modules
import mmpretrain.models
from mmpretrain.utils.dependency import satisfy_requirement
assert satisfy_requirement('pycocotools') and satisfy_requirement('transformers>=4.28.0')
"""
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    subprocess.run([sys.executable, '-W', 'ignore', '-c', code], env=env, check=True)


def test_functions_of_a_dataloader_in_a_scope():
    loader = dict(batch_size=2, dataset=[1, 2], sampler=SequentialSampler([1, 2]))
    function = dict(type='default_collate', _scope_='gaia_ssl')
    with DefaultScope.overwrite_default_scope('gaia_ssl'):
        built = Runner.build_dataloader(dict(loader, collate_fn=function))
    assert next(iter(built)).tolist() == [1, 2]
    assert function == dict(type='default_collate', _scope_='gaia_ssl')
    initial = dict(type=print, _scope_='gaia_ssl', end='')
    built = Runner.build_dataloader(dict(loader, worker_init_fn=initial))
    assert built.worker_init_fn.keywords == dict(end='')


def test_backward_uncounted():
    parameter = torch.nn.Parameter(torch.ones(1))
    wrapper = OptimWrapper(torch.optim.SGD([parameter], 0.1), accumulative_counts=2)
    with wrapper.optim_context(torch.nn.Module()):
        for backward, updates in (
            (wrapper.backward, False),
            (partial(backward_uncounted, wrapper), False),
            (wrapper.backward, True),
        ):
            backward((parameter * 3).sum())
            assert wrapper.should_update() == updates
    assert parameter.grad.item() == 9


def test_start_at_next_batch():
    """The loop asks for the batches before, and gets the sampler's from then on."""

    class Loop:
        iter = 3

    class LoopOfOnedl(Loop):
        fast_forward_on_resume = False

    for loop, asked in ((Loop(), 3), (LoopOfOnedl(), 0)):
        start_at_next_batch(loop, ['a', 'b'])
        assert list(loop.dataloader_iterator) == [None] * asked + ['a', 'b']
        assert loop.fast_forward_on_resume


def test_a_log_on_a_full_disk_warns_once(tmp_path, capsys):
    logger = MMLogger('full', 'test_full', log_file=str(tmp_path / 'a.log'))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        for _ in range(3):
            logger.info('a' * 200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert capsys.readouterr().err == f'warning: {tmp_path}/a.log: File too large\n'
    logger.info('%d', 'no number')  # another error keeps its traceback
    assert 'TypeError' in capsys.readouterr().err


def test_a_log_holds_any_name(tmp_path, capsys):
    name = os.fsdecode(b'caf\xe9')
    MMLogger('name', 'test_name', log_file=str(tmp_path / 'a.log')).info(name)
    capsys.readouterr()  # what is left of such a name would break off a process of pytest-xdist
    assert os.fsencode(name) in (tmp_path / 'a.log').read_bytes()


def test_mmengine_notes_a_checkpoint_of_any_name(tmp_path):
    folder = tmp_path / os.fsdecode(b'caf\xe9')
    hook = CheckpointHook(by_epoch=False)
    runner = SimpleNamespace(
        work_dir=str(folder),
        message_hub=SimpleNamespace(update_info=lambda *args: None),
        save_checkpoint=lambda *args, **kwargs: folder.mkdir(),
    )
    hook.out_dir, hook.file_backend = str(folder), LocalBackend()
    hook._save_checkpoint_with_step(runner, 3, {})
    assert (folder / 'last_checkpoint').read_bytes() == os.fsencode(folder / 'iter_3.pth')
