import numpy as np
import pytest
from mmpretrain.datasets import CustomDataset
from PIL import Image

from gaia_ssl.downstream import ClassFolders


@pytest.fixture
def fill(tmp_path):
    """Write gray images of a brightness of their own into class folders."""

    def fill(folder, **numbers):
        for name, number in numbers.items():
            (tmp_path / folder / name).mkdir(parents=True)
            for k in range(number):
                pixels = np.full((8, 8), 10 * k, np.uint8)
                Image.fromarray(pixels).save(tmp_path / folder / name / f'{k:02d}.png')
        return tmp_path

    return fill


def names(root, options):
    dataset = CustomDataset(data_root=str(root), **options)
    return {
        f'{dataset.CLASSES[dataset.get_data_info(k)["gt_label"]]}/'
        f'{dataset.get_data_info(k)["img_path"].rsplit("/", 1)[1]}'
        for k in range(len(dataset))
    }


def test_every_fifth_image_of_what_is_not_divided_is_for_validation(fill):
    root = fill('.', rose=11, lily=5, notes=0)
    (root / 'lily/readme.txt').write_text('not an image')
    folders = ClassFolders.of(str(root))
    assert folders.classes == ['lily', 'notes', 'rose']
    train, val = (names(root, options) for options in (folders.train, folders.val))
    assert val == {'lily/00.png', 'rose/00.png', 'rose/05.png', 'rose/10.png'}
    assert train | val == {f'lily/{k:02d}.png' for k in range(5)} | {
        f'rose/{k:02d}.png' for k in range(11)
    }
    assert not train & val


@pytest.mark.parametrize('name', ['test', 'val'])
def test_what_is_divided_stays_so(fill, name):
    root = fill('train', rose=2, lily=3)
    fill(name, rose=1, lily=1)
    folders = ClassFolders.of(str(root))
    assert folders.classes == ['lily', 'rose']
    assert len(names(root, folders.train)) == 5 and len(names(root, folders.val)) == 2


def test_before_the_data_are_there(tmp_path):
    folders = ClassFolders.of(str(tmp_path / 'none'), 7)
    assert len(folders.classes) == 7
    assert (folders.train, folders.val) == (dict(data_prefix='train'), dict(data_prefix='test'))
