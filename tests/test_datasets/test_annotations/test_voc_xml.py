"""Files in Pascal VOC's format."""

import pytest
from mmengine.config import Config

from gaia_ssl.datasets.annotations import check_annotations
from gaia_ssl.utils import UserError


@pytest.fixture
def check(tmp_path):
    """Check two images with a cat and a dog for some classes."""
    (tmp_path / 'Annotations').mkdir()
    (tmp_path / 'list.txt').write_text('1\n2\n')
    for number, name in ((1, 'cat'), (2, 'dog')):
        text = f'<annotation><object><name>{name}</name></object></annotation>'
        (tmp_path / 'Annotations' / f'{number}.xml').write_text(text)

    def call(*classes):
        dataset = dict(
            type='XMLDataset',
            data_root=str(tmp_path),
            data_prefix=dict(sub_data_root=''),
            ann_file='list.txt',
            metainfo=dict(classes=classes),
        )
        config = Config(dict(default_scope='mmdet', train_dataloader=dict(dataset=dataset)))
        check_annotations(config, ['train_dataloader'])

    return call


def test_classes_may_be_a_choice_and_rare(check):
    check('cat', 'dog')
    check('dog', 'zebra')
    check('dog', 'car')


@pytest.mark.parametrize(
    'classes, message',
    [
        (
            ('cat', 'dogs'),
            "no object in .*Annotations is 'dogs'; those .* are 'dog'; give the same",
        ),
        (('zebra',), "is 'zebra'; those that are not among the classes are 'cat', 'dog'; give"),
    ],
)
def test_classes_of_other_names(check, classes, message):
    with pytest.raises(UserError, match=f'^train_dataloader.dataset.metainfo.classes: .*{message}'):
        check(*classes)


def test_files_that_are_missing_or_damaged(tmp_path, check):
    (tmp_path / 'Annotations' / '1.xml').write_text('<annotation>')
    with pytest.raises(UserError, match='ann_file: .*1.xml is not XML .*; write it again'):
        check('cat')
    (tmp_path / 'Annotations' / '1.xml').unlink()
    with pytest.raises(
        UserError, match='1 of the 2 files that .*list.txt lists do not .*1.xml; set'
    ):
        check('cat')
