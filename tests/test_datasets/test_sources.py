import json
import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gaia_ssl.datasets.sources import EXTENSIONS, as_sources, find_images
from gaia_ssl.utils import UserError


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('')


def names_of(*sources):
    return [file.name for file in find_images([str(source) for source in sources])]


def coco(names):
    """A file as COCO 2017's ``instances_val2017.json``."""
    images = [
        dict(
            license=4,
            file_name=name,
            coco_url=f'http://images.cocodataset.org/val2017/{name}',
            height=427,
            width=640,
            date_captured='2013-11-14 17:02:52',
            flickr_url='http://farm7.staticflickr.com/6116/6255196340_da26cf2c9e_z.jpg',
            id=397133 + index,
        )
        for index, name in enumerate(names)
    ]
    box = dict(
        segmentation=[[224.24, 297.18, 228.29, 297.18, 234.91, 298.29]],
        area=1481.38,
        iscrowd=0,
        image_id=397133,
        bbox=[217.62, 240.54, 38.99, 57.75],
        category_id=44,
        id=82445,
    )
    return json.dumps(
        dict(
            info=dict(description='COCO 2017 Dataset', version='1.0', year=2017),
            licenses=[dict(url='http://flickr.com/commons/usage/', id=7, name='none known')],
            images=images,
            annotations=[box],
            categories=[dict(supercategory='kitchen', id=44, name='bottle')],
        )
    )


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_any_folder(tmp_path):
    names = ['a/x.jpg', 'a/b/y.PNG', 'z.bmp', 'a.webp', 'a/x.jpeg', 'x.jpg/x.jpg']
    touch(tmp_path, *names, 'notes.txt', '.hidden.jpg', '.thumbnails/a.jpg')
    assert names_of(tmp_path) == sorted(names)
    assert all(Path(file.path).is_file() for file in find_images([str(tmp_path)]))


def test_links(tmp_path):
    touch(tmp_path, 'elsewhere/x.jpg', 'mine/b/y.jpg')
    mine = tmp_path / 'mine'
    (mine / 'c').symlink_to(tmp_path / 'elsewhere')
    (mine / 'a.jpg').symlink_to(mine / 'b/y.jpg')  # twice the same
    (mine / 'd').symlink_to(mine / 'b')
    (mine / 'b/up').symlink_to(mine)  # a loop
    (mine / 'b/self.jpg').symlink_to('self.jpg')  # left to who reads it
    (mine / 'gone.jpg').symlink_to('nowhere.jpg')
    assert names_of(mine) == ['a.jpg', 'b/self.jpg', 'c/x.jpg', 'gone.jpg']


def test_ade20k(tmp_path):
    root = tmp_path / 'data/ade/ADEChallengeData2016'
    images = ['training/ADE_train_00000001', 'training/ADE_train_00000002']
    images += ['validation/ADE_val_00000001']
    touch(root, 'objectInfo150.txt', 'sceneCategories.txt')
    touch(root, *[f'images/{name}.jpg' for name in images])
    touch(root, *[f'annotations/{name}.png' for name in images])
    assert names_of(root) == [f'images/{name}.jpg' for name in images]
    assert names_of(root / 'images/validation') == ['ADE_val_00000001.jpg']
    assert len(names_of(tmp_path)) == 3


@pytest.mark.parametrize(
    'image, mask',
    [
        ('leftImg8bit/val/ulm/ulm_leftImg8bit.png', 'gtFine/val/ulm/ulm_gtFine_labelIds.png'),
        ('JPEGImages/2007_000027.jpg', 'SegmentationClass/2007_000027.png'),
        ('img_dir/train/1.png', 'ann_dir/train/1.png'),
    ],
)
def test_masks_are_no_images_only_beside_theirs(tmp_path, image, mask):
    touch(tmp_path, image, mask)
    assert names_of(tmp_path) == [image]
    touch(tmp_path / 'alone', mask)
    assert names_of(tmp_path / 'alone') == [mask]


@pytest.mark.parametrize('images', ['val2017', 'images/val2017', 'images', 'annotations', '.'])
def test_coco(tmp_path, images):
    listed = ['000000000139.jpg', '000000000285.jpg']
    touch(tmp_path / images, *listed, '000000000632.jpg')
    file = write(tmp_path / 'annotations/instances_val2017.json', coco([*listed[::-1], listed[0]]))
    assert names_of(file) == listed
    assert [Path(f.path).resolve() for f in find_images([str(file)])] == [
        (tmp_path / images / name).resolve() for name in listed
    ]


def test_coco_with_its_folder_given(tmp_path):
    touch(tmp_path, 'val2017/a.jpg', 'my:own/a.jpg')
    file = write(tmp_path / 'annotations/instances_val2017.json', coco(['a.jpg', 'b.jpg']))
    found = find_images([f'{file}:{tmp_path}/my:own'])
    # what is missing is left to who reads it
    assert [f.path for f in found] == [f'{tmp_path}/my:own/{name}' for name in ('a.jpg', 'b.jpg')]


def test_imagenet_list(tmp_path, monkeypatch):
    listed = ['n01440764/n01440764_10026.JPEG', 'n01443537/n01443537_2.JPEG']
    touch(tmp_path / 'train', *listed, 'n01440764/n01440764_1.JPEG')
    file = write(tmp_path / 'meta/train.txt', f'{listed[1]} 1\r\n\r\n{listed[0]} 0\r\n')
    assert names_of(file) == listed
    assert names_of(f'{file}:{tmp_path}/train') == listed
    monkeypatch.chdir(tmp_path / 'meta')
    assert names_of('train.txt') == listed


def test_list_of_places_elsewhere(tmp_path):
    """Names do not tell where the data lie, nor where the list does."""
    for place in ('here', 'there/deeper'):
        root = tmp_path / place
        touch(root, 'data/a/x.jpg', 'data/b/x.jpg')
        absolute = write(root / 'list.txt', f'{root}/data/b/x.jpg\n{root}/data/a/../a/x.jpg\n')
        upwards = write(root / 'meta/my/list.txt', '../../data/a/x.jpg\n../../data/b/x.jpg 3\n')
        single = write(root / 'single.txt', f'{root}/data/b/x.jpg')
        assert names_of(absolute) == names_of(upwards) == ['a/x.jpg', 'b/x.jpg']
        assert names_of(single) == ['x.jpg']
        assert len(names_of(absolute, upwards, root / 'data')) == 2


def test_several_sources(tmp_path):
    touch(tmp_path, 'one/images/x.jpg', 'two/images/x.jpg', 'two/images/y.jpg')
    listed = write(tmp_path / 'list.txt', 'one/images/x.jpg\ntwo/images/y.jpg')
    one, two = tmp_path / 'one/images', tmp_path / 'two/images'
    assert names_of(two, one, listed) == ['1/x.jpg', '1/y.jpg', '2/x.jpg']
    assert names_of(listed, two) == ['1/one/images/x.jpg', '1/two/images/y.jpg', '2/x.jpg']


PARTS = st.sampled_from(['a', 'b', 'c.jpg', 'images', 'x y', 'ä'])
TREES = st.lists(st.lists(PARTS, min_size=1, max_size=3), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None)
@given(TREES, st.lists(st.tuples(st.integers(0, 5), st.sampled_from('abcz')), max_size=3))
def test_names_move_with_the_data(trees, links):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, 'before')
        for index, parts in enumerate(trees):
            touch(root, '/'.join([*(f'{part}_' for part in parts), f'{index}.png']))
        for index, name in links:
            link = root / f'{"_/".join(trees[index % len(trees)])}_/{name}'
            if not link.is_symlink():
                link.symlink_to(os.path.relpath(root / f'{trees[0][0]}_', link.parent))
        before = names_of(root, root / f'{trees[0][0]}_')
        # each file once, under a name of its own
        assert len(before) == len(set(before)) == len(trees)
        after = Path(folder, 'elsewhere/deeper')
        after.parent.mkdir()
        root.rename(after)
        assert names_of(after, after / f'{trees[0][0]}_') == before


WORDS = st.text(st.characters(exclude_categories=['C', 'Z'], exclude_characters='./\\'), min_size=1)
PATHS = st.builds(
    lambda words, extension: ' '.join(words) + extension,
    st.lists(WORDS, min_size=1, max_size=3),
    st.sampled_from([*EXTENSIONS, '.JPEG']),
)
REST = st.sampled_from(['', ' 7', '\t3', ' 0 1 1', ' tench, Tinca tinca', ',4', ' mask/1.png', ' '])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(PATHS, REST), min_size=1))
def test_what_follows_a_path_is_ignored(lines):
    with tempfile.TemporaryDirectory() as folder:
        text = '\n'.join(path + rest for path, rest in lines)
        Path(folder, 'list.txt').write_text(text, encoding='utf-8')
        assert names_of(f'{folder}/list.txt:{folder}') == sorted({path for path, _ in lines})


MISTAKES = dict(
    nowhere=('nowhere', 'nowhere is not a folder'),
    image=('folder/a.jpg', r'a.jpg is not a folder, nor a .json or .txt'),
    empty=('empty', 'empty holds no image'),
    no_json=('nowhere.json', r'nowhere.json cannot be read \(No such file'),
    no_list=('nowhere.txt:folder', r'nowhere.txt cannot be read \(No such file'),
    no_folder=('list.txt:nowhere', 'nowhere, given for .*list.txt, is not a folder'),
    broken=('broken.json', 'broken.json is not JSON'),
    bytes_=('bytes.json', 'bytes.json is not JSON'),
    other=('other.json', r'other.json is not in COCO\'s format, which has a list "images"'),
    unnamed=('unnamed.json', 'items have "file_name"'),
    array=('array.json', 'array.json is not in COCO'),
    none=('none.json', 'none.json lists no image'),
    blank=('blank.txt', 'blank.txt lists no image'),
    elsewhere=('elsewhere.txt', r'no image of .*elsewhere.txt is in .*; give .*\.txt:DIR'),
    words=('words.txt', "words.txt, line 2, '2007_000027', is not a path that ends in .jpg"),
    latin=('latin.txt', 'latin.txt is not text in UTF-8'),
)


@pytest.mark.parametrize('source, message', MISTAKES.values(), ids=MISTAKES)
def test_mistakes(tmp_path, monkeypatch, source, message):
    touch(tmp_path, 'folder/a.jpg', 'empty/notes.txt')
    for name, content in {
        'list.txt': b'a.jpg',
        'broken.json': b'{"images": [',
        'bytes.json': b'\xff\xfe\x00',
        'other.json': b'{"data_list": []}',
        'unnamed.json': b'{"images": [{"file_name": "a.jpg"}, {"id": 3}]}',
        'array.json': b'["a.jpg"]',
        'none.json': b'{"images": []}',
        'blank.txt': b'\n \n',
        'elsewhere.txt': b'a.jpg\n',
        'words.txt': b'a.jpg\n2007_000027\n',
        'latin.txt': b'\xe4.jpg\n',
    }.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        find_images([source])
    assert '\n' not in str(caught.value)


def test_no_source():
    with pytest.raises(UserError, match='no source given'):
        find_images([])


def test_a_forbidden_folder(tmp_path, monkeypatch):
    touch(tmp_path, 'a/x.jpg', 'b/x.jpg')
    scandir = os.scandir

    def guarded(path):
        if re.search('b$', str(path)):
            raise PermissionError(13, 'Permission denied', path)
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', guarded)
    with pytest.raises(UserError, match=r'b cannot be listed \(Permission denied\)'):
        find_images([str(tmp_path)])


def test_sources_are_paths_of_any_type(tmp_path):
    path = str(tmp_path)
    for paths in (path, tmp_path, [path], (tmp_path,), iter([path]), (p for p in [tmp_path])):
        assert as_sources(paths) == [path]
    assert as_sources([tmp_path, 'b']) == [path, 'b']
    for strange in (3, None, [3], [[path]], Image.new('RGB', (2, 2)), [Image.new('RGB', (2, 2))]):
        with pytest.raises(UserError, match='^images: [a-zA-Z]+ is not a path; give a folder or'):
            as_sources(strange)
    for nothing in ([], (), iter([])):
        with pytest.raises(UserError, match='^images: no source given; give a folder'):
            as_sources(nothing)
