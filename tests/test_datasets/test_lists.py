"""What a list names is read, by trainings and searches alike, or one line says why not."""

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mmengine.registry import DefaultScope

from gaia_ssl.datasets.lists import EXTENSIONS, listed_images, read_list
from gaia_ssl.datasets.sources import find_images
from gaia_ssl.registry import DATASETS
from gaia_ssl.utils import UserError


def make(root, names, text):
    for name in names:
        path = Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    Path(root, 'list.txt').write_bytes(text.encode('utf-8'))
    return f'{root}/list.txt'


def trained_on(root):
    """Names of the images that a training on the list loads, in their order."""
    dataset = dict(type='mmpretrain.CustomDataset', data_root=str(root), data_prefix='')
    dataset.update(ann_file='list.txt', with_label=False, pipeline=[])
    with DefaultScope.overwrite_default_scope('gaia_ssl'):
        built = DATASETS.build(dataset)
    paths = [Path(built.get_data_info(index)['img_path']) for index in range(len(built))]
    return [path.relative_to(root).as_posix() for path in paths]


def test_a_name_that_begins_with_another(tmp_path):
    names = ['scan.png', 'scan.png (03).png', 'scan.png (04).png']
    file = make(tmp_path, names, '\n'.join(names))
    assert [image.name for image in find_images([file])] == names
    assert trained_on(tmp_path) == names


def test_what_other_programs_write(tmp_path):
    """A byte-order mark, empty lines, ends of lines of Windows, labels, blanks, columns."""
    names = ['b.png', 'a b.jpg', 'c.JPEG', 'd,e.png', 'mask/b.png', 'f.png']
    text = '\ufeffb.png\r\n\r\na b.jpg \r\nc.JPEG 7\r\nd,e.png,3\r\n\tf.png mask/b.png\r\n \r\n'
    file = make(tmp_path, names, text)
    listed = ['b.png', 'a b.jpg', 'c.JPEG', 'd,e.png', 'f.png']
    assert trained_on(tmp_path) == listed
    assert [image.name for image in find_images([file])] == sorted(listed)


def test_labels(tmp_path):
    file = make(tmp_path, ['a 1.png', 'b.gif'], '\ufeffa 1.png  2\n\nb.gif,0 \n')
    samples = list(listed_images(file, str(tmp_path), labels=True))
    assert samples == [
        dict(img_path=f'{tmp_path}/a 1.png', gt_label=2),
        dict(img_path=f'{tmp_path}/b.gif', gt_label=0),
    ]
    dataset = dict(type='CustomDataset', data_root=str(tmp_path), ann_file='list.txt', pipeline=[])
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        assert list(DATASETS.build(dataset).get_gt_labels()) == [2, 0]


WORDS = st.text('ab.png ,()jäé', min_size=1, max_size=8)
NAMES = st.builds(str.__add__, WORDS, st.sampled_from([*EXTENSIONS, '.PNG']))
REST = st.sampled_from(['', ' ', '\r', ' 7', ',4', '\t0 1', ' tench, Tinca tinca'])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(NAMES, REST), min_size=1, max_size=5), st.booleans())
@example([('scan.png (03).png', ''), ('scan.png', ' 3')], True)
@example([(' .png', ''), ('a.png b.png', ' 7')], False)
def test_a_list_is_read_as_written_or_not_at_all(lines, mark):
    names = [name for name, _ in lines]
    text = '\ufeff' * mark + '\n'.join(name + rest for name, rest in lines)
    with tempfile.TemporaryDirectory() as folder:
        file = make(folder, names, text)
        try:
            read = [sample['img_path'] for sample in listed_images(file, folder, labels=False)]
            found = [image.path for image in find_images([f'{file}:{folder}'])]
        except UserError as error:
            # blanks around a line are no part of it
            assert any(name != name.strip() for name in names)
            assert re.match(f'(ann_file|images): {file}, line [1-5]', str(error))
            assert '\n' not in str(error)
        else:
            assert [Path(path).name for path in read] == [name.strip() for name in names]
            assert sorted(found) == sorted({str(Path(path)) for path in read})


MISTAKES = dict(
    missing=('a.png\n\nb.png\n', r'line 3: .*/b.png does not exist; correct the line, or set data'),
    other=(
        'scan.png (5).png',
        r"'scan.png \(5\).png' does not exist, but 'scan.png' does; correct",
    ),
    words=('a.png\n2007_000027', r"line 2, '2007_000027', is not a path that ends in .jpg"),
    blank=('\n \n', 'lists no image; give one path per line'),
)


@pytest.mark.parametrize('text, message', MISTAKES.values(), ids=MISTAKES)
def test_mistakes(tmp_path, text, message):
    file = make(tmp_path, ['a.png', 'scan.png'], text)
    with pytest.raises(UserError, match=f'^ann_file: {file}.*{message}'):
        trained_on(tmp_path)


def test_mistakes_of_labels_and_files(tmp_path):
    with pytest.raises(UserError, match="line 2, 'b.png', is not a path and a label; give both"):
        read_list(make(tmp_path, [], 'a.png 1\nb.png'), 'ann_file', labels=True)
    (tmp_path / 'list.txt').write_bytes(b'\xe4.png')
    with pytest.raises(UserError, match='list.txt is not text in UTF-8 .*; save it as UTF-8'):
        read_list(f'{tmp_path}/list.txt')
    with pytest.raises(UserError, match=r'cannot be read \(Is a directory'):
        read_list(str(tmp_path))
