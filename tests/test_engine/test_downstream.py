"""Downstream trainings on a subnet; the benchmark configs are run in tests/test_configs."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image

from gaia_ssl.engine.downstream import (
    SUBNET,
    evaluate_downstream,
    load_downstream_config,
    train_downstream,
)
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

ARCH = get_space('tiny10to22').min
SIZED = """
model = dict(folder='{{$GAIA_SSL_SUBNET:none}}')
"""


@pytest.fixture
def subnet_variable(monkeypatch):
    """What a call sets is undone after the test."""
    monkeypatch.setenv(SUBNET, '')
    monkeypatch.delenv(SUBNET)


def test_a_config_learns_its_subnet(subnet_variable, tmp_path):
    (tmp_path / 'config.py').write_text(SIZED)
    path = str(tmp_path / 'config.py')
    assert load_downstream_config(path).model.folder == 'none'
    config = load_downstream_config(path, str(tmp_path / 'r50'), {'model.depth': 3})
    assert config.model == dict(folder=str(tmp_path / 'r50'), depth=3)


def test_a_folder_named_by_the_variable_is_found_from_any_config(
    subnet_variable, monkeypatch, tmp_path
):
    """A ``_base_`` in the folder is looked for beside the config unless its path is absolute."""
    (tmp_path / 'subnet').mkdir()
    (tmp_path / 'subnet/base.py').write_text('depth = 3')
    (tmp_path / 'configs').mkdir()
    path = tmp_path / 'configs/config.py'
    path.write_text("_base_ = '{{$GAIA_SSL_SUBNET:../default}}/base.py'")
    with pytest.raises(UserError, match=f'^config: .*reads {tmp_path}/default/base.py, which does'):
        load_downstream_config(str(path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(SUBNET, 'subnet')
    assert load_downstream_config(str(path)).depth == 3
    (tmp_path / 'subnet').rename(tmp_path / 'default')
    monkeypatch.delenv(SUBNET)
    assert load_downstream_config(str(path)).depth == 3


def test_a_config_with_a_backbone_of_its_own_takes_no_subnet(subnet_variable, tmp_path):
    (tmp_path / 'config.py').write_text('model = dict()')
    with pytest.raises(UserError, match='^subnet: .*config.py has its own backbone; leave it out'):
        load_downstream_config(str(tmp_path / 'config.py'), 'r50')


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """Four images in two classes."""
    root = tmp_path_factory.mktemp('images')
    for name in ('a', 'b'):
        (root / name).mkdir()
        for i in range(2):
            image = np.random.default_rng(i).integers(0, 255, (32, 32, 3), np.uint8)
            Image.fromarray(image).save(root / name / f'{i}.png')
    return root


@pytest.fixture
def config(images, tmp_path):
    """Make the config of a classifier: ``config(num_classes=2, **other sections)``.

    A Runner leaves its default scope behind; after the test it is this package's again.
    """

    def make(num_classes=2, **sections):
        pipeline = [dict(type=name) for name in ('LoadImageFromFile', 'PackInputs')]
        loader = dict(
            batch_size=2,
            num_workers=0,
            persistent_workers=False,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='CustomDataset', data_root=str(images), pipeline=pipeline),
        )
        head = dict(
            type='LinearClsHead', num_classes=num_classes, in_channels=4 * ARCH['width'][-1]
        )
        config = dict(
            default_scope='mmpretrain',
            experiment_name=f'{tmp_path.name}_{num_classes}',
            work_dir=str(tmp_path / 'work'),
            model=dict(
                type='ImageClassifier',
                backbone=dict(type='gaia_ssl.SubnetResNet', arch=ARCH),
                neck=dict(type='GlobalAveragePooling'),
                head=head,
            ),
            train_dataloader=loader,
            train_cfg=dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
            test_dataloader=loader,
            test_cfg=dict(),
            test_evaluator=dict(type='Accuracy'),
            randomness=dict(seed=0),
            log_level='ERROR',
        )
        return Config({**config, **sections})

    yield make
    DefaultScope.get_instance(f'after {tmp_path}', scope_name='gaia_ssl')


def test_trains_and_evaluates(config, tmp_path):
    train_downstream(config(), 'name')
    checkpoint = tmp_path / 'work' / 'epoch_1.pth'
    metrics = evaluate_downstream(config(), 'name', str(checkpoint))
    assert 0 <= metrics['accuracy/top1'] <= 100
    (tmp_path / 'images' / 'b').mkdir(parents=True)
    other = config()
    other.test_dataloader.dataset.data_root = str(tmp_path / 'images')
    (tmp_path / 'images' / 'b' / '0.png').touch()
    message = "^test_dataloader.dataset: its class folders, .* of the training of .*pth, lack 'a'"
    with pytest.raises(UserError, match=message):
        evaluate_downstream(other, 'name', str(checkpoint))
    content = torch.load(checkpoint, weights_only=False)
    del content['state_dict']['head.fc.weight']
    torch.save(content, checkpoint)
    with pytest.raises(UserError, match='epoch_1.pth is of another model: 1 missing .*head.fc.wei'):
        evaluate_downstream(config(), 'name', str(checkpoint))


@pytest.mark.parametrize('num_classes', [1, 3])
def test_another_number_of_classes(config, num_classes):
    message = f'model.head.num_classes: {num_classes}, but the dataset of train_.* has 2 classes'
    with pytest.raises(UserError, match=message):
        train_downstream(config(num_classes), 'name')


def test_missing_data_of_the_validation(config):
    loader = dict(dataset=dict(data_root='nowhere'))
    with pytest.raises(UserError, match='^val_dataloader.dataset.data_root: nowhere does not'):
        train_downstream(config(val_dataloader=loader, val_cfg={}, val_evaluator={}), 'name')
