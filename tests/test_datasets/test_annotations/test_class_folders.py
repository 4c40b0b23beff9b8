"""Class folders and lists of labels."""

import pytest
from mmengine.config import Config

from gaia_ssl.datasets.annotations import check_annotations
from gaia_ssl.utils import UserError


@pytest.fixture
def check(tmp_path):
    """Check a training and a validation with these settings of their data sets."""
    for split, names in (('train', 'abc'), ('val', 'ac'), ('.hidden', '')):
        for name in names:
            (tmp_path / split / name).mkdir(parents=True)

    def call(train, val):
        base = dict(type='CustomDataset', data_root=str(tmp_path))
        config = dict(default_scope='mmpretrain')
        for split, settings in (('train', train), ('val', val)):
            nested = dict(type='ConcatDataset', datasets=[{**base, **settings}])
            config[f'{split}_dataloader'] = dict(dataset=nested)
        check_annotations(Config(config), ['train_dataloader', 'val_dataloader'])

    return call


TRAIN, VAL = dict(data_prefix='train'), dict(data_prefix='val')


def test_the_same_folders(check):
    check(TRAIN, TRAIN)
    check(TRAIN, dict(VAL, with_label=False))
    check(TRAIN, dict(TRAIN, metainfo=dict(classes=('cat', 'dog', 'cow'))))


def test_a_missing_folder_shifts_labels(check):
    message = r"^val_dataloader.dataset.datasets.0: its class folders, .* lack 'b'; a label is the"
    with pytest.raises(UserError, match=message):
        check(TRAIN, VAL)
    with pytest.raises(UserError, match='^val_.*of val_dataloader.*, are in another order'):
        check(TRAIN, dict(TRAIN, classes=('b', 'a', 'c')))


@pytest.mark.parametrize(
    'line, message',
    [
        ('x.png', "line 2, 'x.png', is not a path and a label; give both"),
        ('x.png b', "line 2, 'x.png b', is not a path and a label; give both"),
        ('x.png -1', 'line 2: the label is -1, but .*datasets.0 has 2 classes, numbered from 0'),
        ('x.png 2', 'line 2: the label is 2, but .*datasets.0 has 2 classes, numbered from 0'),
    ],
)
def test_lists(tmp_path, check, line, message):
    (tmp_path / 'list.txt').write_text(f'a b.png 1\n{line}\n')
    listed = dict(TRAIN, ann_file='list.txt', classes=('x', 'y'))
    with pytest.raises(UserError, match=f'^ann_file: .*list.txt, {message}'):
        check(listed, listed)
    # what the reader of the list takes
    (tmp_path / 'list.txt').write_text('\ufeffa b.png 1\n\n c.png  0 \n')
    check(listed, listed)
