"""Missing data are named by the field of the config."""

import pytest
from mmengine.config import Config

from gaia_ssl.datasets.check import check_data
from gaia_ssl.utils import UserError


@pytest.fixture
def root(tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / 'a.jpg').touch()
    (tmp_path / 'list.txt').touch()
    (tmp_path / 'empty').mkdir()
    return tmp_path


def config_of(dataset):
    return Config(dict(val_dataloader=dict(dataset=dataset)))


def test_data_that_are_there(root):
    whole = dict(data_root=str(root), data_prefix=dict(img='images'), ann_file='list.txt')
    unlisted = dict(data_prefix=str(root / 'images'))
    absolute = dict(ann_file=str(root / 'list.txt'))
    nested = dict(dataset=dict(datasets=[whole, unlisted]))
    for dataset in (whole, unlisted, absolute, nested):
        check_data(config_of(dataset), 'val_dataloader')


@pytest.mark.parametrize(
    'wrong, message',
    [
        (dict(data_root='/nowhere'), 'data_root: /nowhere does not exist; set it'),
        (dict(data_prefix=dict(seg='maps')), 'data_prefix.seg: {root}/maps does not exist; set it'),
        (dict(data_prefix='maps'), 'data_prefix: {root}/maps does not exist; set it'),
        (dict(ann_file='other.txt'), 'ann_file: {root}/other.txt does not exist'),
        (dict(data_prefix=2017), 'data_prefix: 2017 is not a path; set it to a text, on a command'),
        (
            dict(data_root='', data_prefix=None, ann_file=''),
            'data_prefix: not given, nor data_root; set it',
        ),
        (dict(data_prefix=dict(img=['a'])), r"data_prefix.img: \['a'\] is not a path"),
        (dict(data_root=1.5), 'data_root: 1.5 is not a path'),
        (dict(ann_file=['a.txt']), r"ann_file: \['a.txt'\] is not a path"),
        (dict(data_prefix='empty', ann_file=''), 'data_prefix: there are no images in .*empty'),
    ],
)
def test_data_that_are_missing(root, wrong, message):
    dataset = dict(data_root=str(root), data_prefix=dict(img='images'), ann_file='list.txt')
    config = config_of(dict(dataset=dict(datasets=[dataset, {**dataset, **wrong}])))
    place = 'val_dataloader.dataset.dataset.datasets.1'
    with pytest.raises(UserError, match=f'^{place}.{message.format(root=root)}'):
        check_data(config, 'val_dataloader')


@pytest.mark.parametrize('config', [{}, dict(test_dataloader=None), dict(test_dataloader={})])
def test_no_dataloader(config):
    with pytest.raises(UserError, match='has no test_dataloader.dataset'):
        check_data(Config(config), 'test_dataloader')
