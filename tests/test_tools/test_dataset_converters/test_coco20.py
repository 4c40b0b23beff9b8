import io
import json
import tarfile
from functools import partial
from importlib.machinery import SourceFileLoader
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

ROOT = Path(__file__).resolve().parents[3]
coco20 = SourceFileLoader('coco20', str(ROOT / 'tools/dataset_converters/coco20.py')).load_module()

NUM = 8


def png(image):
    return cv2.imencode('.png', image)[1].tobytes()


@pytest.fixture
def archive(tmp_path):
    """A small archive of the same build: 8 images, each with one object on one background."""
    categories = [dict(id=1, name='person'), dict(id=90, name='toothbrush')]
    stuff = categories + [dict(id=200, name='rug')]
    parts = dict(
        instances=dict(info={}, licenses=[], categories=categories, images=[], annotations=[]),
        rle=dict(info={}, licenses=[], categories=categories, images=[], annotations=[]),
        panoptic=dict(categories=stuff, images=[], annotations=[]),
    )
    files = {}
    for i in range(1, NUM + 1):
        image = dict(id=i, file_name=f'{i:012d}.jpg', height=20, width=30)
        part = parts['instances' if i % 2 else 'rle']
        part['images'].append(image)
        part['annotations'].append(
            dict(
                id=i,
                image_id=i,
                category_id=90,
                iscrowd=0,
                bbox=[5, 5, 10, 10],
                area=100,
                segmentation=[[5, 5, 15, 5, 15, 15, 5, 15]],
            )
        )
        ids = np.zeros((20, 30, 3), np.uint8)
        ids[5:15, 5:15] = 3, 2, 1  # BGR of id 1 + 256 * 2 + 65536 * 3
        ids[15:] = 0, 0, 7
        parts['panoptic']['annotations'].append(
            dict(
                image_id=i,
                file_name=f'{i:012d}.png',
                segments_info=[
                    dict(id=1 + 256 * 2 + 65536 * 3, category_id=90),
                    dict(id=7, category_id=200),
                ],
            )
        )
        files[f'images/{i:012d}.jpg'] = cv2.imencode('.jpg', ids)[1].tobytes()
        files[f'masks/{i:012d}.png'] = png(ids)
    files.update({f'{name}.json': json.dumps(part).encode() for name, part in parts.items()})
    path = tmp_path / 'source.tar.gz'
    with tarfile.open(path, 'w:gz') as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f'labelbox-0/{coco20.INSIDE}{name}')
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def run(command):
    return partial(command, coco20.__file__)


def test_layouts(run, archive, tmp_path):
    out = tmp_path / 'out'
    done = run('--out', out, '--archive', archive)
    assert done.returncode == 0, done.stderr
    ids = {}
    for split, (coco_folder, ade_folder) in coco20.SPLITS.items():
        coco = COCO(str(out / f'coco/annotations/instances_{coco_folder}.json'))
        ids[split] = set(coco.imgs)
        assert {a['image_id'] for a in coco.anns.values()} == ids[split]
        for image in coco.imgs.values():
            name = image['file_name']
            photo = (out / 'coco' / coco_folder / name).read_bytes()
            assert photo == (out / 'ade/images' / ade_folder / name).read_bytes()
            label = cv2.imread(
                str(out / 'ade/annotations' / ade_folder / name.replace('.jpg', '.png')),
                cv2.IMREAD_UNCHANGED,
            )
            expected = np.zeros((20, 30), np.uint8)
            expected[5:15, 5:15], expected[15:] = 2, 3
            assert np.array_equal(label, expected)
    assert ids == dict(train={1, 2, 3, 5, 6, 7}, val={4, 8})
    record = json.loads((out / 'coco20.json').read_text())
    assert record['semantic'] == ['person', 'toothbrush', 'rug']
    assert run('--out', out, '--archive', 'no such file').returncode == 0  # it is there already


def test_twenty_photographs_split_in_15_and_5():
    split = coco20.split_ids(range(20))
    assert (len(split['train']), len(split['val'])) == (15, 5)
    assert not set(split['train']) & set(split['val'])


@pytest.mark.parametrize('content', [None, b'not an archive'])
def test_a_bad_archive_gets_one_line(run, tmp_path, content):
    path = tmp_path / 'source.tar.gz'
    if content:
        path.write_bytes(content)
    done = run('--out', tmp_path / 'out', '--archive', path)
    assert done.returncode == 2
    assert done.stderr == f'error: cannot read archive {path}: is it a whole .tar.gz?\n'
    assert not (tmp_path / 'out').exists()


def test_a_cut_off_archive_gets_one_line(run, archive, tmp_path):
    archive.write_bytes(archive.read_bytes()[:-200])
    done = run('--out', tmp_path / 'out', '--archive', archive)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / 'out').exists()


def test_an_archive_of_something_else_gets_one_line(run, tmp_path):
    path = tmp_path / 'source.tar.gz'
    with tarfile.open(path, 'w:gz'):
        pass
    done = run('--out', tmp_path / 'out', '--archive', path)
    assert done.returncode == 2
    assert 'lacks tests/data/assets/coco/instances.json' in done.stderr


def test_a_failed_download_gets_one_line(run, tmp_path):
    # pip has nowhere to look: fails without any network
    done = run('--out', tmp_path / 'out', env=dict(PIP_NO_INDEX='1'))
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith('error: cannot download labelbox==7.17.0 with pip (ERROR: ')
    assert 'pass --archive' in done.stderr
    assert not (tmp_path / 'out').exists()
