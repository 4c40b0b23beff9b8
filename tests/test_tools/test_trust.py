"""Every command that takes a checkpoint: the code in one does not run, unless the user says so."""

import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from PIL import Image

from gaia_ssl.apis import FeatureInferencer, load_subnet
from gaia_ssl.benchmark.arms import Arm
from gaia_ssl.downstream import Subnet
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

DATA = """
dataset = dict(type='mmpretrain.CustomDataset', data_root='{root}/images', pipeline={pipeline})
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler'),
    collate_fn=dict(type='default_collate'),
    dataset=dataset)
train_cfg = dict(by_epoch=True, max_epochs=1)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
default_hooks = dict(logger=None)
"""
SUPERNET = """
default_scope = 'gaia_ssl'
model = dict(
    type='DynamicMoCo',
    queue_len=8,
    feat_dim=4,
    backbone=dict(type='DynamicResNet', space='tiny10to22'),
    neck=dict(type='mmpretrain.MoCoV2Neck', in_channels=128, hid_channels=8, out_channels=4),
    head=dict(type='mmpretrain.ContrastiveHead', loss=dict(type='mmpretrain.CrossEntropyLoss')))
"""
VIEWS = """[
    dict(type='LoadImageFromFile'),
    dict(type='mmpretrain.MultiView', num_views=2, transforms=[[dict(type='Resize', scale=32)]]),
    dict(type='mmpretrain.PackInputs')]"""
CLASSIFIER = """
default_scope = 'mmpretrain'
custom_imports = dict(imports=['gaia_ssl.models.backbones'])
model = dict(
    type='ImageClassifier',
    backbone=dict(type='gaia_ssl.SubnetResNet', arch={arch}),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=2, in_channels={channels}))
"""
TEST = """
test_dataloader = train_dataloader
test_cfg = dict()
test_evaluator = dict(type='Accuracy')
"""
ONE_VIEW = """[
    dict(type='LoadImageFromFile'), dict(type='Resize', scale=32), dict(type='PackInputs')]"""


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.system, (f'touch {self.path}',)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Configs, images, and a checkpoint and an extracted folder that hold code."""
    root = tmp_path_factory.mktemp('trust')
    for name in ('a', 'b'):
        (root / 'images' / name).mkdir(parents=True)
        for i in range(2):
            image = np.random.default_rng(i).integers(0, 255, (32, 32, 3), np.uint8)
            Image.fromarray(image).save(root / 'images' / name / f'{i}.png')
    arch = get_space('tiny10to22').min
    classifier = CLASSIFIER.format(arch=arch, channels=4 * arch['width'][-1])
    (root / 'supernet.py').write_text(SUPERNET + DATA.format(root=root, pipeline=VIEWS))
    (root / 'classifier.py').write_text(
        classifier + DATA.format(root=root, pipeline=ONE_VIEW) + TEST
    )
    (root / 'subnet').mkdir()
    evil = dict(state_dict={}, meta=dict(arch=arch), message_hub=Evil(root / 'executed'))
    for name in ('evil.pth', 'subnet/backbone.pth'):
        torch.save(evil, root / name)
    return root


@pytest.fixture
def nothing_runs(root):
    yield
    assert not (root / 'executed').exists()


@pytest.fixture(scope='module')
def url(root):
    """The checkpoint's address on a server of this machine."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(root))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}/evil.pth'
        server.shutdown()


COMMANDS = dict(
    resume='train.py supernet.py --resume {evil}',
    load_from='train.py supernet.py --cfg-options load_from={evil}',
    url='train.py supernet.py --cfg-options load_from={url}',
    pretrained='train.py supernet.py --cfg-options model.backbone.init_cfg.type=Pretrained '
    'model.backbone.init_cfg.checkpoint={evil}',
    search='search.py supernet.py {evil} --images images --task global',
    extract='extract.py supernet.py {evil} --arch MIN --out out',
    test='test.py supernet.py {evil} --train images --val images',
    released='model_converters/gaia_to_supernet.py supernet.py {evil} out.pth',
    to_mmpretrain='model_converters/subnet_to_mmpretrain.py subnet out.pth',
    from_mmpretrain='model_converters/mmpretrain_to_subnet.py {evil} --like subnet --out out',
    downstream_resume='benchmarks/downstream.py train classifier.py --resume {evil}',
    downstream_load_from='benchmarks/downstream.py train classifier.py --cfg-options '
    'load_from={evil}',
    downstream_pretrained='benchmarks/downstream.py train classifier.py --cfg-options '
    'model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint={evil}',
    downstream_test='benchmarks/downstream.py test classifier.py {evil}',
)


def arguments(root, url, text, work_dir):
    tool, *args = text.format(evil=root / 'evil.pth', url=url).split()
    here = [root / arg if (root / arg).exists() else arg for arg in args]
    here = [work_dir / arg if arg.startswith('out') else arg for arg in map(str, here)]
    if tool in ('train.py', 'search.py', 'test.py', 'benchmarks/downstream.py'):
        here += ['--work-dir', work_dir]
    return f'tools/{tool}', *here


# they come to the same loader by the same way as others, and start a training to do so
SLOW = ('load_from', 'pretrained', 'downstream_load_from', 'downstream_pretrained')


def some_are_slow(names, slow):
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in slow)) for name in names]


@pytest.mark.parametrize('name', some_are_slow(COMMANDS, SLOW))
def test_a_command_refuses_in_one_line(command, root, url, nothing_runs, tmp_path, name):
    env = dict(TORCH_HOME=str(tmp_path), NO_PROXY='127.0.0.1')
    done = command(*arguments(root, url, COMMANDS[name], tmp_path), env=env)
    assert done.returncode == 2, done.stderr[-2000:]
    line = done.stderr.splitlines()[-1]
    assert line.startswith('error: checkpoint: ') and 'holds posix.system, which' in line
    assert 'GAIA_SSL_TRUST=1' in line


@pytest.mark.parametrize('name', some_are_slow(['url', 'search'], ['url']))
def test_the_user_can_trust_it(command, root, url, tmp_path, name):
    env = dict(TORCH_HOME=str(tmp_path), NO_PROXY='127.0.0.1', GAIA_SSL_TRUST='1')
    done = command(*arguments(root, url, COMMANDS[name], tmp_path), env=env)
    assert 'is unpickled, which runs any code in it' in done.stderr
    (root / 'executed').unlink()


@pytest.mark.parametrize(
    'project', some_are_slow(['mmdet', 'mmseg', 'mmpretrain'], ['mmseg', 'mmpretrain'])
)
def test_a_projects_own_training_refuses(command, root, nothing_runs, tmp_path, project):
    script = Path(find_spec(project).origin).parent / '.mim/tools/train.py'
    options = ['--cfg-options', f'load_from={root / "evil.pth"}']
    done = command(script, root / 'classifier.py', '--work-dir', tmp_path, *options)
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert 'UserError: checkpoint: ' in line and 'holds posix.system, which' in line


@pytest.mark.parametrize(
    'load',
    [load_subnet, FeatureInferencer, Subnet.load, lambda folder: Arm('x', Path(folder)).facts()],
    ids=['load_subnet', 'FeatureInferencer', 'Subnet.load', 'Arm.facts'],
)
def test_an_extracted_folder_of_a_stranger(root, nothing_runs, load):
    with pytest.raises(UserError, match='subnet/backbone.pth holds posix.system, which'):
        load(str(root / 'subnet'))
