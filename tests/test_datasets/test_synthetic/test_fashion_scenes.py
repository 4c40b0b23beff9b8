import gzip
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from gaia_ssl.datasets.synthetic import fashion_scenes
from gaia_ssl.datasets.synthetic.idx import read_idx
from gaia_ssl.datasets.synthetic.scenes import FOLDERS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.paths import TOOLS

SCRIPT = TOOLS / 'dataset_converters/fashion_scenes.py'

NUM = dict(train=24, val=8)


def make(out, **options):
    return fashion_scenes.build(
        out, train_scenes=NUM['train'], val_scenes=NUM['val'], per_class=3, **options
    )


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp('scenes') / 'data'
    make(out)
    return out


def load(data, split):
    return COCO(str(data / f'coco/annotations/instances_{split}2017.json'))


def read(path):
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image


def files(folder):
    return {
        str(f.relative_to(folder)): f.read_bytes()
        for f in sorted(Path(folder).rglob('*'))
        if f.is_file()
    }


def test_sprites_are_an_image_folder(data):
    for split in NUM:
        folders = sorted((data / 'sprites' / split).iterdir())
        assert [f.name for f in folders] == sorted(fashion_scenes.GARMENTS)
        for folder in folders:
            sprites = sorted(folder.glob('*.png'))
            assert len(sprites) == 3
            assert all(read(s).shape == (64, 64, 3) for s in sprites)


@pytest.mark.parametrize('split', NUM)
def test_masks_boxes_and_areas_agree(data, split):
    coco = load(data, split)
    assert len(coco.imgs) == NUM[split]
    assert [c['name'] for c in coco.cats.values()] == list(fashion_scenes.THINGS)
    assert len(coco.anns) >= 2 * NUM[split]
    for ann in coco.anns.values():
        mask = coco.annToMask(ann)
        assert mask.shape == (128, 128) and ann['iscrowd'] == 0
        assert ann['area'] == mask.sum() > 0
        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert ann['bbox'] == [cols[0], rows[0], cols[-1] - cols[0] + 1, rows[-1] - rows[0] + 1]


@pytest.mark.parametrize('split', NUM)
def test_visible_masks_do_not_overlap_and_match_the_label_map(data, split):
    coco = load(data, split)
    folder = FOLDERS[split][1]
    for image in coco.imgs.values():
        label = read(data / 'ade/annotations' / folder / image['file_name'].replace('.jpg', '.png'))
        things = np.zeros_like(label)
        covered = np.zeros(label.shape, int)
        for ann in coco.imgToAnns[image['id']]:
            mask = coco.annToMask(ann)
            covered += mask
            things[mask > 0] = len(fashion_scenes.TEXTURES) + ann['category_id']
        assert covered.max() == 1
        assert np.array_equal(things > 0, label > len(fashion_scenes.TEXTURES))
        assert np.array_equal(things[things > 0], label[things > 0])


def test_label_values_and_layouts(data):
    seen = set()
    for split, (coco_folder, ade_folder) in FOLDERS.items():
        images = files(data / 'ade/images' / ade_folder)
        assert images == files(data / 'coco' / coco_folder) and len(images) == NUM[split]
        labels = sorted((data / 'ade/annotations' / ade_folder).iterdir())
        assert [f.stem for f in labels] == [Path(name).stem for name in images]
        for path in labels:
            label = read(path)
            assert label.shape == (128, 128) and label.dtype == np.uint8
            seen |= set(np.unique(label).tolist())
    assert seen == set(range(1, len(fashion_scenes.SEMANTIC) + 1))


@pytest.mark.parametrize('split', NUM)
def test_a_split_uses_only_its_own_garments(data, split):
    own = fashion_scenes.Garments(split, 3)
    other = fashion_scenes.Garments('val' if split == 'train' else 'train')
    same = (own.gray[:, None, 14] == other.gray[None, :, 14]).all(-1)  # one row tells most apart
    assert not any((own.gray[i] == other.gray[j]).all() for i, j in zip(*np.nonzero(same)))

    allowed = {name: set(indices.tolist()) for name, indices in own.of_class.items()}
    for name, indices in allowed.items():
        found = {int(f.stem) for f in (data / 'sprites' / split / name).iterdir()}
        assert found == indices
    coco = load(data, split)
    for ann in coco.anns.values():
        thing = coco.cats[ann['category_id']]['name']
        assert any(ann['garment'] in allowed[kind] for kind in fashion_scenes.THINGS[thing])


def test_a_sprite_shows_the_garment_it_is_named_after(data):
    garments = fashion_scenes.Garments('val', 3)
    index = int(garments.of_class['bag'][0])
    rng = np.random.default_rng([0, 0, True, index])
    sprite = fashion_scenes.make_sprite(garments, index, rng)
    assert np.array_equal(read(data / f'sprites/val/bag/{index:05d}.png')[..., ::-1], sprite)


def test_same_options_same_bytes(data, tmp_path):
    make(tmp_path / 'again')
    assert files(tmp_path / 'again') == files(data)
    make(tmp_path / 'other', seed=1)
    assert files(tmp_path / 'other') != files(data)


def test_repeating_leaves_the_data_alone(data):
    before = {f: f.stat().st_mtime_ns for f in data.rglob('*')}
    make(data)
    assert {f: f.stat().st_mtime_ns for f in data.rglob('*')} == before


def test_a_folder_of_something_else_is_refused(command, tmp_path):
    (tmp_path / 'mine.txt').write_text('precious')
    done = command(SCRIPT, '--out', tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        f'error: --out: {tmp_path} holds something else; choose another folder or remove it\n'
    )
    assert files(tmp_path) == {'mine.txt': b'precious'}


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):

    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr(fashion_scenes, 'write_scenes', fail)
    with pytest.raises(OSError, match='disk full'):
        make(tmp_path / 'data')
    assert list(tmp_path.iterdir()) == []


def test_the_record_names_the_classes(data):
    made = json.loads((data / 'scenes.json').read_text())
    assert made['semantic'] == [
        'plain',
        'stripes',
        'checks',
        'clouds',
        'top',
        'trouser',
        'dress',
        'shoe',
        'bag',
    ]
    assert made['scenes'] == NUM


def test_unlabeled_images_are_of_the_training_split(data):
    unlabeled = {kind: files(data / 'unlabeled' / kind) for kind in ('sprites', 'scenes')}
    sprites = {f.name: f.read_bytes() for f in (data / 'sprites/train').rglob('*.png')}
    assert unlabeled == dict(sprites=sprites, scenes=files(data / 'coco/train2017'))


def test_unlabeled_images_are_evenly_chosen(data, tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_scenes, 'UNLABELED', dict(sprites=10, scenes=6))
    make(tmp_path / 'data')
    assert len(files(tmp_path / 'data/unlabeled/sprites')) == 10
    names = sorted(files(tmp_path / 'data/unlabeled/scenes'))
    assert names == [f'{i:012d}.jpg' for i in range(1, 25, 4)]


def test_garments_of_another_folder(data, tmp_path, monkeypatch, write_idx):
    # the last two of every class, so that no sprite can be one of the first three
    parts = {}
    for split in ('train', 't10k'):
        labels = read_idx(fashion_scenes.DATA / f'{split}-labels-idx1-ubyte.gz')
        chosen = np.concatenate([np.flatnonzero(labels == c)[-2:] for c in range(10)])
        for kind in ('images-idx3', 'labels-idx1'):
            name = f'{split}-{kind}-ubyte.gz'
            parts[name] = read_idx(fashion_scenes.DATA / name)[chosen]
    source = tmp_path / 'fashion-mnist'
    source.mkdir()
    for name, part in parts.items():
        write_idx(source / name, part)

    made = make(tmp_path / 'data', source=source)
    assert made['source'] == str(source) and 'source' not in make(data)
    for split in NUM:
        sprites = list((tmp_path / 'data/sprites' / split).rglob('*.png'))
        assert sorted(int(f.stem) for f in sprites) == list(range(20))
    with pytest.raises(UserError, match='something else'):
        make(tmp_path / 'data')


DAMAGED = dict(
    missing=None, empty=b'', other=b'no gzip', truncated=gzip.compress(b'no idx', mtime=0)[:-9]
)


@pytest.mark.parametrize('content', DAMAGED.values(), ids=DAMAGED)
def test_a_bad_source_is_named(command, tmp_path, content):
    source = tmp_path / 'fashion-mnist'
    shutil.copytree(fashion_scenes.DATA, source)
    file = source / 'train-labels-idx1-ubyte.gz'
    file.unlink() if content is None else file.write_bytes(content)
    done = command(SCRIPT, '--out', tmp_path / 'data', '--source', source)
    assert done.returncode == 2 and str(file) in done.stderr
    assert done.stderr.startswith('error: ') and len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [source]
