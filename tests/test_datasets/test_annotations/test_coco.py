"""Files in COCO's format: what is missing is named or, where it does no harm, completed."""

import json

import pytest

from gaia_ssl.datasets.annotations import coco as checks
from gaia_ssl.datasets.annotations.coco import read_coco
from gaia_ssl.utils import UserError

CLASSES = ('cat', 'dog')


def without(key, part):
    """Drop a key from the second item of a list."""
    return lambda content: content[key][1].pop(part)


def setting(key, part, value):
    """Set a key of the second item of a list."""
    return lambda content: content[key][1].update({part: value})


def test_a_complete_file_is_as_it_was(coco):
    path = coco()
    file = read_coco(str(path))
    assert not file.taken and file.content == json.loads(path.read_text())
    checks.check_classes(file, CLASSES, 'a')
    checks.check_classes(file, ('dog',), 'a')  # a choice of classes
    checks.check_annotated(file, CLASSES)
    checks.check_masks(file, CLASSES)
    checks.check_images(file, str(path.parent / 'images'))


def test_what_does_no_harm_is_completed(coco):
    def change(content):
        for annotation in content['annotations'][1:]:
            del annotation['area']
            annotation['iscrowd'] = None

    path = coco(change)
    path.write_bytes(b'\xef\xbb\xbf' + path.read_bytes())
    file = read_coco(str(path))
    assert [a['area'] for a in file.content['annotations']] == [20, 32, 32, 32]
    assert all(a['iscrowd'] == 0 for a in file.content['annotations'])
    assert file.taken == [
        'its byte-order mark is dropped',
        '"iscrowd" is missing in 3 of 4 annotations and is taken as 0',
        '"area" is missing in 3 of 4 annotations and is taken as the area of the box',
    ]


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda c: c.pop('images'), 'has no "images"; add this list'),
        (lambda c: c.pop('annotations'), 'has no "annotations"; add this list'),
        (lambda c: c.pop('categories'), 'has no "categories"; add this list'),
        (lambda c: c.update(categories='cat'), '"categories" is not a list of dicts'),
        (without('annotations', 'bbox'), r'annotations\[1\] has no "bbox"; add it'),
        (without('annotations', 'id'), r'annotations\[1\] has no "id"; add it'),
        (without('images', 'file_name'), r'images\[1\] has no "file_name"; add it'),
        (setting('images', 'id', 1), r'"id" of images\[1\], 1, is not a number of its own'),
        (setting('annotations', 'bbox', [1, 2]), r'"bbox" of annotations\[1\] is \[1, 2\]; give 4'),
    ],
)
def test_what_is_missing_is_named(coco, change, message):
    path = coco(change)
    with pytest.raises(UserError, match=f'^ann_file: {path}:? {message}'):
        read_coco(str(path))


@pytest.mark.parametrize('text, message', [('{', 'is not JSON'), ('[]', "is not in COCO's format")])
def test_another_file(tmp_path, text, message):
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(UserError, match=f'^ann_file: .*a.json {message}'):
        read_coco(str(tmp_path / 'a.json'))


def test_a_file_for_predictions_has_no_annotations(coco):
    path = coco(lambda content: content.pop('annotations'))
    assert read_coco(str(path), predictions_only=True).content['annotations'] == []


@pytest.mark.parametrize(
    'classes, message',
    [
        (('cat', 'dgo'), "has no category 'dgo'; its categories not among the classes are 'dog'"),
        (('Cat', 'Dog'), "has no category 'Cat', 'Dog'; its categories are 'cat', 'dog'; give"),
        (('dog', 'cat'), "they are in another order; labels follow the file, so .* 'cat', 'dog'"),
    ],
)
def test_classes_are_those_of_the_file(coco, classes, message):
    file = read_coco(str(coco()))
    with pytest.raises(UserError, match=f'^a.metainfo.classes: .*{message}'):
        checks.check_classes(file, classes, 'a')


def test_a_category_that_is_there_twice(coco):
    file = read_coco(str(coco(lambda c: c['categories'].append(dict(id=9, name='cat')))))
    with pytest.raises(UserError, match='has \'cat\' more than once in "categories"; leave one'):
        checks.check_classes(file, CLASSES, 'a')


def test_annotations_of_other_images(coco):
    file = read_coco(
        str(coco(lambda c: [image.update(id=f'{image["id"]}') for image in c['images']]))
    )
    with pytest.raises(UserError, match='has no annotation whose "image_id" is among the "id" of'):
        checks.check_annotated(file, CLASSES)


@pytest.mark.parametrize(
    'mask, message',
    [
        ([], r'annotations\[1\] has no "segmentation", which masks need; add it'),
        (
            dict(size=[8, 8], counts=''),
            r'annotations\[1\]: "size" of its .* is \[8, 8\], but .*16, 16',
        ),
    ],
)
def test_masks(coco, mask, message):
    file = read_coco(str(coco(setting('annotations', 'segmentation', mask))))
    checks.check_masks(file, ('cat',))  # the mask is a dog's
    with pytest.raises(UserError, match=message):
        checks.check_masks(file, CLASSES)


def test_images_are_looked_for_by_their_case(coco):
    path = coco()
    (path.parent / 'images' / '2.jpg').rename(path.parent / 'images' / '2.JPG')
    with pytest.raises(
        UserError, match='1 of 2 images, such as 2.jpg, are not in .*images, which has 2.JPG'
    ):
        checks.check_images(read_coco(str(path)), str(path.parent / 'images'))
