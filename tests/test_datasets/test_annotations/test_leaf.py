"""Data sets whose files can be checked."""

import pytest
from mmengine.config import Config

from gaia_ssl.datasets.annotations import check_annotations
from gaia_ssl.utils import UserError


def check(scope, **dataset):
    config = Config(dict(default_scope=scope, train_dataloader=dict(dataset=dataset)))
    check_annotations(config, ['train_dataloader'])


@pytest.mark.parametrize(
    'scope, name',
    [
        ('mmdet', 'LVISV1Dataset'),
        ('mmdet', 'CocoPanopticDataset'),
        ('mmpretrain', 'CIFAR10'),
        ('mmpretrain', 'nobody_knows_it'),
    ],
)
def test_others_are_left_alone(scope, name):
    check(scope, type=name, ann_file='/nowhere')


@pytest.mark.parametrize(
    'classes, message',
    [
        ('cat', r"classes: 'cat' is one string; give a tuple of names, such as \('cat',\), or a"),
        (('cat', 'cat'), "classes: 'cat' is there twice; leave one out"),
    ],
)
def test_names_of_classes(classes, message):
    with pytest.raises(UserError, match=f'^train_dataloader.dataset.metainfo.{message}'):
        check('mmdet', type='CocoDataset', metainfo=dict(classes=classes))


def test_imagenet_has_two_cranes(tmp_path):
    (tmp_path / 'a').mkdir()
    check('mmpretrain', type='ImageNet', data_root=str(tmp_path), ann_file='')


def test_settings_that_a_type_does_not_have():
    with pytest.raises(
        UserError, match='^train_dataloader.dataset: its settings do not fit .*an_f'
    ):
        check('mmdet', type='CocoDataset', an_file='a.json')
