"""A training finds the images that a search finds, in the order that it always had."""

import json
import os

import pytest
from mmpretrain.datasets import CustomDataset
from PIL import Image

from gaia_ssl.datasets import TrainingImages
from gaia_ssl.utils import UserError


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('')


def paths_of(images):
    return [images.get_data_info(index)['img_path'] for index in range(len(images))]


@pytest.mark.parametrize('place', [dict(), dict(ann_file='list.txt'), dict(indices=3)])
def test_an_ordinary_folder_as_mmpretrain_reads_it(tmp_path, place):
    names = ['b/1.jpg', 'a/10.JPEG', 'a/9.png', 'a-b/1.jpg', 'a b/1.jpg', 'A/1.tif', 'a/deep/1.bmp']
    touch(tmp_path / 'train', *names, 'a/notes.txt')
    (tmp_path / 'list.txt').write_text('\n'.join(names[:4]))  # not sorted
    options = dict(data_root=str(tmp_path), data_prefix='train', **place)
    expected = CustomDataset(with_label=False, **options)
    assert paths_of(TrainingImages(**options)) == paths_of(expected)


@pytest.mark.parametrize('list_', ['list.txt', 'list.json'])
def test_lists(tmp_path, list_, monkeypatch):
    touch(tmp_path, 'images/b.webp', 'images/a.jpg')
    names = ['b.webp', 'a.jpg', 'b.webp']
    (tmp_path / 'list.txt').write_text('\ufeff' + ' 7\r\n\r\n'.join(names) + ' \n')
    images = [dict(file_name=name) for name in names]
    (tmp_path / 'list.json').write_text(json.dumps(dict(images=images)))
    found = TrainingImages(str(tmp_path), 'images', list_)
    assert paths_of(found) == [f'{tmp_path}/images/b.webp', f'{tmp_path}/images/a.jpg']
    assert found.source == f'{tmp_path}/{list_}'
    monkeypatch.setenv('HOME', str(tmp_path))
    assert paths_of(TrainingImages('~', 'images', list_)) == paths_of(found)
    assert paths_of(TrainingImages(ann_file=f'~/{list_}')) == paths_of(found)  # as for a search


def test_missing_images_are_named_at_the_start(tmp_path):
    touch(tmp_path, 'images/a.jpg')
    images = tmp_path / 'images'
    images.joinpath('gone.jpg').symlink_to('/nowhere.jpg')
    with pytest.raises(UserError) as caught:
        TrainingImages(str(images))
    assert str(caught.value) == (
        f'images: 1 of 2 do not exist, such as {images}/gone.jpg (a link to /nowhere.jpg); '
        'repair or remove them'
    )
    (tmp_path / 'list.txt').write_text('a.jpg\nb.jpg\n')
    with pytest.raises(UserError, match=f'list.txt, line 2: {images}/b.jpg does not exist'):
        TrainingImages(str(tmp_path), 'images', 'list.txt')
    images.joinpath('gone.jpg').unlink()
    os.symlink(images, images / 'loop')
    assert paths_of(TrainingImages(str(images))) == [f'{images}/a.jpg']


@pytest.mark.parametrize(
    'place, message',
    [
        (dict(), 'data_root: not given, nor data_prefix or ann_file'),
        (dict(data_prefix=2017), 'data_prefix: 2017 is not a path; give a string'),
        (dict(data_root=7), 'data_root: 7 is not a path'),
        (dict(data_prefix=dict(img_path='a')), 'data_prefix: .* is not a path'),
        (dict(data_prefix='empty'), 'empty holds no image'),
        (dict(ann_file='nowhere.txt'), r'nowhere.txt cannot be read \(No such file'),
    ],
)
def test_mistakes(tmp_path, monkeypatch, place, message):
    (tmp_path / 'empty').mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        TrainingImages(**place)


@pytest.fixture
def mixed(tmp_path):
    """Five images in a folder and a list, of which 1 and 3 cannot be read."""
    (tmp_path / 'images').mkdir()
    for index in range(5):
        Image.new('RGB', (64, 48), (index, 0, 0)).save(tmp_path / f'images/{index}.jpg')
    whole = (tmp_path / 'images/1.jpg').read_bytes()
    (tmp_path / 'images/1.jpg').write_bytes(whole[:-20])
    (tmp_path / 'images/3.jpg').write_bytes(b'text')
    (tmp_path / 'list.txt').write_text('4.jpg\n3.jpg\n0.jpg\n')
    return tmp_path


def test_unreadable_images_can_be_left_out(mixed):
    folder = mixed / 'images'
    assert len(TrainingImages(str(folder))) == 5  # nothing is decoded
    images = TrainingImages(str(folder), max_bad=0.4)
    assert paths_of(images) == [f'{folder}/{i}.jpg' for i in (0, 2, 4)]
    assert [image.path for image in images.bad] == [f'{folder}/{i}.jpg' for i in (1, 3)]
    listed = TrainingImages(str(mixed), 'images', 'list.txt', max_bad=0.5)
    assert paths_of(listed) == [f'{folder}/4.jpg', f'{folder}/0.jpg']
    with pytest.raises(UserError, match='2 of 5 images .40%. cannot be read: .* more than max_bad'):
        TrainingImages(str(folder), max_bad=0.39)
    with pytest.raises(UserError, match='1.jpg cannot be read .image file is .* with max_bad'):
        TrainingImages(str(folder), max_bad=0)
    for wrong in (1, -0.1, 'all'):
        with pytest.raises(UserError, match=f'^max_bad: {wrong} is not a share'):
            TrainingImages(str(folder), max_bad=wrong)


def test_an_unreadable_image_names_the_option(mixed):
    images = TrainingImages(str(mixed / 'images'), pipeline=[dict(type='gaia_ssl.LoadAnyImage')])
    assert images[0]['img'].shape == (48, 64, 3)
    with pytest.raises(
        UserError,
        match='1.jpg cannot be read .*; repair or remove it, or leave out such images by the '
        "dataset's max_bad, such as train_dataloader.dataset.max_bad=0.01",
    ):
        images[1]
