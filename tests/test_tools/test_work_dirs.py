"""The table of docs/en/user_guides/work_dirs.md, command by command."""

import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from gaia_ssl.utils.files import file_digest
from gaia_ssl.utils.lock import lock

CONFIG = 'configs/mocov2/mocov2_tiny10to22_bs128-coslr_scenes.py'
SETTINGS = [
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=8',
    'train_cfg.max_epochs=1',
    'default_hooks.checkpoint.interval=1',
    'default_hooks.logger.interval=1',
    'model.queue_len=16',
]
CLASSIFIER = """
default_scope = 'mmpretrain'
custom_imports = dict(imports=['gaia_ssl.downstream', 'gaia_ssl.models.backbones'])
subnet = '{{{{$GAIA_SSL_SUBNET:none}}}}'
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='gaia_ssl.SubnetResNet',
        block='basic',
        stem='3x3s2',
        arch=dict(stem_width=8, depth=[1, 1, 1, 1], width=[8, 16, 32, 64]),
        init_cfg=dict(type='Pretrained', checkpoint=subnet + '/backbone.pth')),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=2, in_channels=64))
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CustomDataset',
        data_root='{data}',
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')]))
test_dataloader = train_dataloader
test_evaluator = dict(type='Accuracy', topk=1)
test_cfg = dict()
train_cfg = dict(by_epoch=True, max_epochs=1)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
"""


def write_images(folder, names, side=40):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        pixels = np.random.default_rng(len(name)).integers(0, 255, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder in the layout of the quickstart's data."""
    root = tmp_path_factory.mktemp('scenes')
    write_images(root / 'sprites/train/bag', [f'{i}.png' for i in range(8)], 64)
    write_images(root / 'coco/train2017', [f'{i}.png' for i in range(4)], 128)
    return root


@pytest.fixture
def train(command, root):
    """Train for an epoch of two iterations: ``train(work_dir, *arguments)``."""

    def call(work_dir, *arguments, settings=(), data=root):
        words = ('--work-dir', work_dir, *arguments, '--cfg-options', *SETTINGS, *settings)
        return command('tools/train.py', CONFIG, *words, env=dict(GAIA_SSL_DATA=str(data)))

    return call


def refused(done, *texts):
    """Whether a command ended with one line that holds the texts."""
    [line] = done.stderr.splitlines()[-1:]
    assert done.returncode == 2 and line.startswith('error: '), done.stderr
    assert all(text in line for text in texts), line
    return True


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    return tmp_path_factory.mktemp('trained') / 'work'


def test_trainings(train, root, trained, tmp_path):
    done = train(trained)
    assert done.returncode == 0, done.stderr
    checkpoint = trained / 'epoch_1.pth'
    before = file_digest(str(checkpoint))
    # twice, and at once
    assert refused(train(trained), f'work_dir: {trained} holds a training already; give --resume')
    with lock(trained):
        assert refused(train(trained, '--resume'), f'another command is at work in {trained}; ')
    # changed input
    rate = ['optim_wrapper.optimizer.lr=1e-6']
    line = 'optim_wrapper.optimizer.lr was 0.002 and is 1e-06; give those, or another work_dir, or'
    assert refused(train(trained, '--resume', settings=rate), line, f'--resume {checkpoint} ')
    other = shutil.copytree(root, tmp_path / 'other')
    (other / 'sprites/train/bag/0.png').rename(other / 'sprites/train/bag/new.png')
    assert refused(train(trained, '--resume', data=other), 'data_root was ')
    (root / 'sprites/train/bag/0.png').rename(root / 'sprites/train/bag/new.png')
    try:
        assert refused(train(trained, '--resume'), 'holds a training on other images: 16 then, 16')
    finally:
        (root / 'sprites/train/bag/new.png').rename(root / 'sprites/train/bag/0.png')
    assert file_digest(str(checkpoint)) == before
    # a copy resumes from its own checkpoint, and a named one takes what is given now
    copy = shutil.copytree(trained, tmp_path / 'copy')
    shutil.move(trained, tmp_path / 'away')
    done = train(copy, '--resume')
    assert done.returncode == 0 and f'Load checkpoint from {copy}/epoch_1.pth' in done.stdout
    epochs = ['train_cfg.max_epochs=2']
    done = train(copy, '--resume', copy / 'epoch_1.pth', settings=[*rate, *epochs])
    assert done.returncode == 0, done.stderr
    rates = re.findall(r'Epoch\(train\)\s+\[(\d)\].* lr: (\S+)', done.stdout)
    assert {epoch for epoch, _ in rates} == {'2'} and max(float(lr) for _, lr in rates) <= 1e-6
    assert train(copy, '--resume', settings=[*rate, *epochs]).returncode == 0


@pytest.fixture
def finetune(command, tmp_path):
    """Train or test a classifier: ``finetune(action, subnet, *arguments)``."""
    for name in ('a', 'b'):
        write_images(tmp_path / 'data' / name, ['0.png', '11.png'])
    (tmp_path / 'classifier.py').write_text(CLASSIFIER.format(data=tmp_path / 'data'))

    def call(action, subnet, *arguments):
        words = (action, tmp_path / 'classifier.py', *arguments, '--subnet', subnet)
        return command('tools/benchmarks/downstream.py', *words, cwd=tmp_path)

    return call


@pytest.mark.slow
def test_finetuning(finetune, extracted, tmp_path):
    subnet = shutil.copytree(extracted('MIN'), tmp_path / 'subnets/best')
    work_dir = tmp_path / 'work_dirs/classifier/best'
    done = finetune('train', subnet)
    assert done.returncode == 0, done.stderr
    assert refused(finetune('train', subnet), 'best holds a training already; give --resume')
    with lock(work_dir):
        assert refused(finetune('train', subnet, '--resume'), 'another command is at work in')
    # a test is no training: it adds a dated folder, as often as it is called
    for _ in range(2):
        done = finetune('test', subnet, work_dir / 'epoch_1.pth')
        assert done.returncode == 0 and '"accuracy/top1"' in done.stdout
    # the same folder elsewhere is the same subnet, other weights at the same place are not
    moved = shutil.move(subnet, tmp_path / 'moved')
    assert finetune('train', moved, '--resume', '--work-dir', work_dir).returncode == 0
    other = shutil.copytree(moved, subnet)
    content = torch.load(other / 'backbone.pth', weights_only=False)
    content['state_dict']['conv1.weight'] += 1
    torch.save(content, other / 'backbone.pth')
    line = 'model.backbone.init_cfg.checkpoint was sha256:'
    assert refused(finetune('train', other, '--resume'), line)


def test_extractions(command, pretraining, tmp_path):
    config, checkpoint = pretraining()
    write_images(tmp_path / 'images', [f'{i}.png' for i in range(3)], 70)

    def extract(*options):
        words = (config, checkpoint, '--out', tmp_path / 'out', '--calibrate', tmp_path / 'images')
        return command('tools/extract.py', *words, *options)

    assert 'kept' not in extract('--anchors').stdout
    lines = extract('--anchors').stdout.splitlines()
    kept = [line for line in lines if re.match(r'\S*/out/\w+: kept, ', line)]
    # onedl's mmseg prints a line when it is imported
    assert kept and {*lines} - {*kept} <= {'Could not import OneDL'}
    write_images(tmp_path / 'images', ['0.png'], 71)
    assert refused(extract('--anchors'), 'holds another subnet (its calibration differs)')
    done = extract('--anchors', '--overwrite')
    assert done.returncode == 0 and 'kept' not in done.stdout
    assert refused(extract('--arch', 'MIN'), '--out: ', 'out exists and is not empty')
