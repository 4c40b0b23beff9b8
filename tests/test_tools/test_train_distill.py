"""Trainings with a frozen teacher by tools/train.py, and a search with it."""

import json
import re
import shutil
from functools import partial

import cv2
import numpy as np
import pytest
import torch

from gaia_ssl.registry import MODELS

CONFIG = """
_base_ = '{root}/configs/distill/distill_tiny10to22_bs64-coslr-10e_cifar10.py'
model = dict(
    teacher=dict(_delete_=True, **{teacher}),
    components=6,
    queue_len=16,
    neck=dict(out_channels=6, hid_channels=8),
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root='{images}', data_prefix=''),
)
auto_scale_lr = dict(base_batch_size=8)
default_hooks = dict(logger=dict(interval=1))
"""
NETWORK = dict(type='mmpretrain.ResNet', depth=18, stem_channels=4, base_channels=4)
TWO_EPOCHS = ['--cfg-options', 'train_cfg.max_epochs=2']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Images, and weights of a teacher and of another one."""
    root = tmp_path_factory.mktemp('distill')
    (root / 'images').mkdir()
    rng = np.random.default_rng(0)
    for index in range(24):
        noise = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(root / 'images' / f'{index}.png'), cv2.resize(noise, (32, 32)))
    for seed, name in enumerate(('teacher', 'another')):
        torch.manual_seed(seed)
        torch.save(MODELS.build(NETWORK).state_dict(), root / f'{name}.pth')
    torch.save(dict(state_dict=dict(fc=torch.zeros(3))), root / 'classifier.pth')
    torch.save(MODELS.build(dict(NETWORK, depth=34)).state_dict(), root / 'deeper.pth')
    return root


def write_config(folder, path, root, weights='teacher', **teacher):
    init_cfg = dict(type='Pretrained', checkpoint=str(folder / f'{weights}.pth'))
    settings = {**NETWORK, 'init_cfg': init_cfg, **teacher}
    path.write_text(CONFIG.format(root=root, images=folder / 'images', teacher=settings))
    return path


@pytest.fixture
def write(folder, tmp_path, pytestconfig):
    """Write a config: ``write(weights, **settings of the teacher)`` -> its path."""
    return partial(write_config, folder, tmp_path / 'config.py', pytestconfig.rootpath)


@pytest.fixture
def train(command, tmp_path):
    return partial(command, 'tools/train.py', cwd=tmp_path)


def checkpoint(work_dir, epoch):
    return torch.load(work_dir / f'epoch_{epoch}.pth', weights_only=False)


@pytest.fixture(scope='module')
def trained(folder, command, tmp_path_factory, pytestconfig):
    """A work dir after two epochs."""
    work_dir = tmp_path_factory.mktemp('trained')
    path = write_config(folder, work_dir / 'config.py', pytestconfig.rootpath)
    done = command('tools/train.py', path, '--work-dir', work_dir, *TWO_EPOCHS)
    assert done.returncode == 0, done.stderr
    assert 'loss_min' in done.stdout and 'loss_max' in done.stdout
    return work_dir


def test_a_checkpoint_holds_the_components_and_the_digest_of_the_teacher(trained):
    first = checkpoint(trained, 1)
    assert first['state_dict']['embedding_map.components'].any()
    assert not [key for key in first['state_dict'] if 'teacher' in key or 'encoder' in key]
    assert len(first['meta']['teacher']) == 64


def test_a_resumed_training_ends_as_if_never_stopped(trained, write, train, tmp_path):
    shutil.copy(trained / 'epoch_1.pth', tmp_path)
    done = train(write(), '--work-dir', tmp_path, '--resume', *TWO_EPOCHS)
    assert done.returncode == 0, done.stderr
    resumed, alone = (checkpoint(folder, 2)['state_dict'] for folder in (tmp_path, trained))
    assert resumed.keys() == alone.keys()
    assert all(torch.equal(resumed[key], alone[key]) for key in alone)


def test_another_teacher_is_not_resumed_with(trained, write, train, tmp_path):
    shutil.copy(trained / 'epoch_1.pth', tmp_path)
    done = train(write(weights='another'), '--work-dir', tmp_path, '--resume', *TWO_EPOCHS)
    assert done.returncode == 2
    [line] = done.stderr.strip().splitlines()
    assert re.search('resume: .*epoch_1.pth was trained with another teacher', line)


def test_a_search_compares_with_the_teacher(trained, write, command, folder, tmp_path):
    search = partial(command, 'tools/search.py')
    options = ['--images', folder / 'images', '--strategy', 'random', '--num', '3']
    options += ['--task', 'dense', '--work-dir', tmp_path / 'found']
    done = search(write(), trained / 'epoch_1.pth', *options)
    assert done.returncode == 0, done.stderr
    meta = json.loads((tmp_path / 'found/search.json').read_text())['meta']
    digest = checkpoint(trained, 1)['meta']['teacher']
    assert (meta['teacher'], meta['teacher_sha256']) == ('frozen', digest)
    done = search(write(weights='another'), trained / 'epoch_1.pth', *options)
    assert done.returncode == 2
    assert 'epoch_1.pth was trained with another teacher' in done.stderr


def test_mixed_precision(write, train, tmp_path):
    epoch = ['--cfg-options', 'train_cfg.max_epochs=1']
    done = train(write(), '--work-dir', tmp_path / 'work', '--amp', *epoch)
    assert done.returncode == 0, done.stderr
    weights = checkpoint(tmp_path / 'work', 1)['state_dict']
    assert all(value.isfinite().all() for value in weights.values())


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(init_cfg=None), 'model.teacher.init_cfg: None names no checkpoint'),
        (dict(init_cfg=dict(type='Kaiming')), 'teacher with random weights teaches nothing'),
        (dict(weights='nowhere'), 'nowhere.pth does not exist'),
        (dict(weights='classifier'), 'does not fit the teacher: .* missing'),
        (dict(weights='deeper'), 'does not fit the teacher: .* unexpected .first: layer1.2'),
        (dict(depth=34), 'does not fit the teacher: .* missing'),
        (dict(type='ResNet50'), "model.teacher.type: 'ResNet50' is unknown"),
        (dict(in_channels=1), 'does not fit the teacher: .* misshaped'),
        (dict(input_size=-3), 'model.teacher.input_size: -3 is not'),
        (dict(dpeth=3), "model.teacher: .* 'dpeth'"),
    ],
)
def test_mistakes_get_one_line(write, train, tmp_path, options, message):
    done = train(write(**options), '--work-dir', tmp_path / 'work')
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.strip().splitlines()
    assert re.search(message, line), line


@pytest.mark.parametrize(
    'option, message',
    [
        ('model.components=33', 'model.components: 33 is not in 1 to 32'),
        ('model.neck.out_channels=5', 'model.neck: its embeddings have 5 channels'),
        ('model.queue_len=12', 'model.queue_len: 12 is not a multiple of 8'),
        ('model.head.losses.global_far.weight=1', 'model.head.losses.global_far: there is no such'),
        ('model.head.losses.global_cosine.weight=0', 'global_cosine.weight: 0 is not a positive'),
        ('model.head.losses.dense_kl.stages=7', 'dense_kl.stages: 7 is not a list'),
        ('model.head.losses.dense_kl.stages=[7]', r'stages \[7\] are not among 0 to 3'),
        ('model.backbone.in_channels=1', 'model.teacher: it cannot read 1 channels'),
    ],
)
def test_mistakes_beside_the_teacher(write, train, tmp_path, option, message):
    done = train(write(), '--work-dir', tmp_path / 'work', '--cfg-options', option)
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.strip().splitlines()
    assert re.search(message, line), line


GUIDED = """
_base_ = '{root}/configs/mocov2/mocov2_tiny10to22_bs64-coslr-3e_cifar10.py'
model = dict(
    teacher={teacher},
    guides=dict(weights=dict(max=0.2, teacher=0.5)),
    queue_len=16,
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root='{images}', data_prefix=''),
)
"""


def test_a_teacher_that_guides_another_method(write, train, tmp_path, monkeypatch):
    """Its training resumes as if never stopped, and only with it; embeddings are cached."""
    monkeypatch.setitem(globals(), 'CONFIG', GUIDED)
    cached = dict(cache=str(tmp_path / 'cache'), input_size=32)
    whole, resumed, refused = (tmp_path / name for name in ('whole', 'resumed', 'refused'))
    done = train(write(**cached), '--work-dir', whole, *TWO_EPOCHS)
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / 'cache/done.npy').all()
    assert len(checkpoint(whole, 1)['meta']['teacher']) == 64
    for folder in (resumed, refused):
        folder.mkdir()
        shutil.copy(whole / 'epoch_1.pth', folder)
    done = train(write(weights='another', **cached), '--work-dir', refused, '--resume', *TWO_EPOCHS)
    assert done.returncode == 2
    assert 'epoch_1.pth was trained with another teacher' in done.stderr
    done = train(write(**cached), '--work-dir', resumed, '--resume', *TWO_EPOCHS)
    assert done.returncode == 0, done.stderr
    states = [checkpoint(folder, 2)['state_dict'] for folder in (whole, resumed)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


@pytest.fixture
def cached(write, train, tmp_path):
    """Train with a cache: ``cached(work_dir, *options, **settings of the teacher)``."""

    def call(name='work', *options, **teacher):
        path = write(cache=str(tmp_path / 'cache'), input_size=32, **teacher)
        epoch = ['--cfg-options', 'train_cfg.max_epochs=1', *options]
        return train(path, '--work-dir', tmp_path / name, *epoch)

    return call


def test_a_cache_holds_the_embeddings_of_whole_images(cached, folder, tmp_path):
    done = cached()
    assert done.returncode == 0, done.stderr
    assert 'Embeddings of 24 images go to' in done.stdout
    network = MODELS.build(NETWORK)
    network.load_state_dict(torch.load(folder / 'teacher.pth'))
    network.eval()
    paths = sorted(map(str, (folder / 'images').iterdir()))
    images = np.stack([cv2.imread(path)[..., ::-1] for path in paths]).astype(np.float32)
    images = (images - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    with torch.no_grad():
        [last] = network(torch.from_numpy(images).float().permute(0, 3, 1, 2))
    found = np.load(tmp_path / 'cache/embeddings.npy')
    np.testing.assert_allclose(found, last.mean((2, 3)), rtol=1e-4, atol=1e-5)
    # the next training takes them as they are, also when it is resumed
    again = cached('again')
    assert again.returncode == 0 and 'Embeddings of' not in again.stdout
    first, second = (checkpoint(tmp_path / name, 1)['state_dict'] for name in ('work', 'again'))
    assert all(torch.equal(first[key], second[key]) for key in first)
    # a killed computation goes on
    marks = np.load(tmp_path / 'cache/done.npy', mmap_mode='r+')
    marks[0] = False
    marks.flush()
    third = cached('third')
    assert third.returncode == 0 and 'Embeddings of 24 images' in third.stdout


@pytest.mark.slow
def test_a_cache_of_others_is_refused(cached):
    done = cached()
    assert done.returncode == 0, done.stderr
    done = cached('another', weights='another')
    assert done.returncode == 2
    assert 'holds features of another teacher' in done.stderr.splitlines()[-1]
    done = cached('fewer', 'train_dataloader.dataset.indices=16')
    assert done.returncode == 2
    assert 'holds features of another data' in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    'option, message',
    [
        ('model.head.losses.dense_kl.weight=1', 'model.teacher.cache: dense losses compare maps'),
        ('train_dataloader.dataset.pipeline.2.meta_keys=[]', 'the samples lack sample_idx'),
    ],
)
def test_mistakes_with_a_cache(cached, option, message):
    done = cached('work', option)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr.splitlines()[-1]
