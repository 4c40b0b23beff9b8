import json

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from gaia_ssl.datasets.synthetic.scenes import Instance, Placed, place_objects, to_coco, write_once
from gaia_ssl.utils import UserError

SIZE = 8


def objects(*places, inside=1.0):
    """Draws objects of classes 0, 1 and so on at columns of an image, in order."""
    numbers, painted = iter(range(len(places))), []

    def choose():
        thing = next(numbers)

        def place():
            mask = np.zeros((SIZE, SIZE), bool)
            mask[:, places[thing]] = True
            return Placed(lambda: painted.append(thing), mask, inside)

        return thing, f'file {thing}', place

    return choose, painted


def test_what_is_behind_stays_visible_by_half():
    choose, painted = objects(slice(0, 4), slice(1, 4), slice(2, 6), slice(7, 8))
    label = np.ones((SIZE, SIZE), np.uint8)
    found = place_objects(choose, 4, label, 2)
    # the second would hide three columns of the first's four
    assert painted == [each.thing for each in found] == [0, 2, 3]
    assert [each.source for each in found] == ['file 0', 'file 2', 'file 3']
    assert (label == np.array([2, 2, 4, 4, 4, 4, 1, 5])).all()
    for each in found:
        assert np.array_equal(each.mask, label == 2 + each.thing)


def test_what_leaves_the_frame_is_not_placed():
    choose, painted = objects(slice(0, 4), inside=0.7)
    label = np.ones((SIZE, SIZE), np.uint8)
    assert place_objects(choose, 1, label, 2) == painted == [] and (label == 1).all()


def test_an_annotation_of_coco():
    mask = np.zeros((SIZE, SIZE), bool)
    mask[2:5, 1:7] = True
    mask[2, 1] = False
    found = to_coco(Instance(3, 'a.png', mask), 'made_of', 7, 9)
    assert (found['id'], found['image_id'], found['category_id']) == (9, 7, 4)
    assert (found['bbox'], found['area'], found['iscrowd']) == ([1, 2, 6, 3], 17, 0)
    assert found['made_of'] == 'a.png'
    assert np.array_equal(mask_utils.decode(found['segmentation']), mask)


def test_written_once(tmp_path):
    def write(folder):
        (folder / 'data').write_text('x')

    out = tmp_path / 'out'
    write_once(out, dict(seed=1), write)
    assert json.loads((out / 'scenes.json').read_text()) == dict(seed=1)
    write_once(out, dict(seed=1), lambda folder: pytest.fail('written again'))
    with pytest.raises(UserError, match='out: .* holds something else'):
        write_once(out, dict(seed=2), write)
