import shutil

import numpy as np
import pytest

from gaia_ssl.datasets.voc import load_voc
from gaia_ssl.utils import UserError

LISTS = dict(
    cat_trainval='000005 -1\n000012  1\n000033  0\n',
    dog_trainval='\ufeff000012  1\n\n000005 -1\n000033 -1\n',
    cat_test='\ufeff000001  1\n',  # a byte-order mark
    dog_test='000001 -1\n',
    # of segmentation and the whole split, beside them in the dataset
    trainval='000005\n000012\n000033\n',
)


@pytest.fixture
def root(tmp_path, save):
    for name in ('000001', '000005', '000012', '000033', '000099'):
        save(tmp_path / 'JPEGImages' / f'{name}.jpg')
    lists = tmp_path / 'ImageSets' / 'Main'
    lists.mkdir(parents=True)
    for name, text in LISTS.items():
        (lists / f'{name}.txt').write_text(text)
    return tmp_path


def load(root, split='trainval'):
    return load_voc(str(root), split, [])


def test_reads_names_and_labels(root):
    split = load(root)
    assert split.classes == ['cat', 'dog']
    assert split.images.names == ['000005.jpg', '000012.jpg', '000033.jpg']
    assert np.array_equal(split.labels, [[-1, -1], [1, 1], [0, -1]])
    assert load(root, 'test').images.names == ['000001.jpg']


def test_a_folder_whose_name_is_a_pattern(root):
    strange = shutil.move(root / 'JPEGImages', root.with_name(f'{root.name}[1]') / 'JPEGImages')
    shutil.move(root / 'ImageSets', strange.parent)
    assert len(load(strange.parent).images) == 3


def test_names_what_is_wrong(root):
    lists = root / 'ImageSets' / 'Main'
    with pytest.raises(UserError, match=r'data: .*/ImageSets/Main/\*_val.txt matches no file'):
        load(root, 'val')
    (lists / 'dog_test.txt').write_text('000001\n')
    with pytest.raises(UserError, match="data: .*/dog_test.txt is not in VOC's format"):
        load(root, 'test')
    (lists / 'dog_test.txt').write_text('000005 1\n')
    with pytest.raises(UserError, match='data: .*/dog_test.txt lists other images than .*/cat_tes'):
        load(root, 'test')
    (root / 'JPEGImages' / '000012.jpg').unlink()
    with pytest.raises(UserError, match='data: .*/JPEGImages lacks image 000012, which .*lists'):
        load(root)
