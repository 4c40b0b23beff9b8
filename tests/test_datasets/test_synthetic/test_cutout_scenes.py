import json
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from gaia_ssl.datasets.synthetic.cutout_scenes import build, place_cutout, read_cutout
from gaia_ssl.datasets.synthetic.scenes import FOLDERS
from gaia_ssl.utils.paths import TOOLS

SCRIPT = TOOLS / 'dataset_converters/cutout_scenes.py'
NUM = dict(train=12, val=6)
SIZE = 64
COLORS = dict(ball=(250, 20, 20), leaf=(20, 250, 20))


@pytest.fixture(scope='module')
def sources(tmp_path_factory):
    """Dark photographs, and cut-outs of two categories: disks and ellipses in one colour each."""
    folder = tmp_path_factory.mktemp('sources')
    rng = np.random.default_rng(0)
    (folder / 'photographs').mkdir()
    for k in range(5):
        noise = Image.fromarray(rng.integers(0, 60, (6, 9, 3), dtype=np.uint8))
        noise.resize((120 + k, 90)).save(folder / f'photographs/{k}.webp')
    for name, color in COLORS.items():
        (folder / 'cutouts' / name).mkdir(parents=True)
        for k in range(5):
            image = np.zeros((50, 70 + k, 4), np.uint8)
            image[..., :3] = 255  # what is transparent is white
            wide = 22 if name == 'ball' else 10
            cv2.ellipse(image, (35, 25), (22, wide), 0, 0, 360, (*color, 255), cv2.FILLED)
            Image.fromarray(image).save(folder / f'cutouts/{name}/{k}.png')
    return folder


def make(sources, out, **options):
    numbers = dict(size=SIZE, train=NUM['train'], val=NUM['val'])
    return build(out, sources / 'photographs', sources / 'cutouts', **{**numbers, **options})


@pytest.fixture(scope='module')
def data(sources, tmp_path_factory):
    out = tmp_path_factory.mktemp('scenes') / 'data'
    make(sources, out)
    return out


@pytest.mark.parametrize('split', FOLDERS)
def test_boxes_masks_labels_and_colours_agree(data, split):
    coco_folder, ade_folder = FOLDERS[split]
    coco = COCO(str(data / f'coco/annotations/instances_{coco_folder}.json'))
    assert len(coco.imgs) == NUM[split] <= len(coco.anns)
    assert [each['name'] for each in coco.cats.values()] == list(COLORS)
    for image in coco.imgs.values():
        path = data / 'coco' / coco_folder / image['file_name']
        assert path.read_bytes() == (data / 'ade/images' / ade_folder / path.name).read_bytes()
        pixels = cv2.imread(str(path))[..., ::-1].astype(int)
        label = cv2.imread(str(data / 'ade/annotations' / ade_folder / f'{path.stem}.png'), -1)
        assert pixels.shape == (SIZE, SIZE, 3) and label.shape == (SIZE, SIZE)
        expected = np.ones_like(label)
        for ann in coco.imgToAnns[image['id']]:
            mask = coco.annToMask(ann).astype(bool)
            assert (expected[mask] == 1).all() and ann['area'] == mask.sum()
            expected[mask] = 1 + ann['category_id']
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            assert ann['bbox'][:2] == [columns[0], rows[0]]
            assert ann['bbox'][2:] == [np.ptp(columns) + 1, np.ptp(rows) + 1]
            # within the outline is the cut-out's colour, and none of what is transparent
            inner = cv2.erode(mask.astype(np.uint8), np.ones((5, 5))).astype(bool)
            channel = ann['category_id'] - 1
            assert (pixels[inner][:, channel] > 120).all() and (pixels[inner] < 256).all()
            assert (pixels[inner][:, 2] < 90).all()
        assert np.array_equal(label, expected)
        far = cv2.dilate((label > 1).astype(np.uint8), np.ones((9, 9))) == 0
        assert (pixels[far] < 110).all()


def test_splits_share_no_source(data, sources):
    used = {}
    for split, (folder, _) in FOLDERS.items():
        coco = COCO(str(data / f'coco/annotations/instances_{folder}.json'))
        used[split] = {ann['cutout'] for ann in coco.anns.values()}
    assert used['val'] <= {f'{name}/{k}.png' for name in COLORS for k in (0, 4)}
    assert used['train'] <= {f'{name}/{k}.png' for name in COLORS for k in (1, 2, 3)}


def test_more_scenes_leave_the_first_as_they_were(data, sources, tmp_path):
    made = make(sources, tmp_path / 'more', train=15)
    assert made['things'] == list(COLORS) and made['scenes'] == dict(NUM, train=15)
    for path in (data / 'ade').rglob('*.*'):
        assert (tmp_path / 'more' / path.relative_to(data)).read_bytes() == path.read_bytes()
    other = make(sources, tmp_path / 'other', seed=1, train=1, val=1)
    assert other['seed'] == 1
    first = 'coco/train2017/000000000001.jpg'
    assert (tmp_path / 'other' / first).read_bytes() != (data / first).read_bytes()


def test_a_cutout_is_placed_as_a_plain_computation_says(sources):
    cutout = read_cutout(str(sources / 'cutouts/ball/0.png'), 100)
    assert cutout.shape == (45, 45, 4)  # of the disk alone
    canvas = np.full((SIZE, SIZE, 3), 100, np.float32)
    placed = place_cutout(canvas, cutout, np.random.default_rng(2))
    assert (canvas == 100).all()
    placed.paint()
    rows, columns = np.nonzero(placed.mask)
    diameter = (np.ptp(rows) + np.ptp(columns)) / 2 + 1
    assert placed.inside == pytest.approx(1, abs=0.05)
    assert placed.mask.sum() == pytest.approx(np.pi / 4 * diameter**2, rel=0.06)
    center = int(rows.mean()), int(columns.mean())
    light = canvas[center][0] / COLORS['ball'][0]
    assert 0.7 <= light <= 1.2
    assert canvas[center] == pytest.approx(light * np.array(COLORS['ball']), abs=1)


def loose(folder):
    shutil.copy(folder / 'cutouts/ball/0.png', folder / 'cutouts/0.png')


def few(folder):
    for k in (1, 2):
        (folder / f'cutouts/leaf/{k}.png').unlink()


def opaque(folder):
    Image.new('RGB', (9, 9)).save(folder / 'cutouts/leaf/1.png')


def broken(folder):
    (folder / 'cutouts/leaf/1.png').write_bytes(b'no image')


def no_photographs(folder):
    for path in (folder / 'photographs').iterdir():
        path.unlink()


def one_photograph(folder):
    for k in range(1, 5):
        (folder / f'photographs/{k}.webp').unlink()


BAD = {
    loose: '--cutouts: {}/cutouts/0.png is in no folder',
    few: '--cutouts: {}/cutouts/leaf has 3 images; 4 are the fewest',
    opaque: '--cutouts: {}/cutouts/leaf/1.png is no cut-out',
    broken: '1.png cannot be read',
    no_photographs: 'photographs holds no image',
    one_photograph: '--photographs: {}/photographs has 1; give 4 or more',
}


@pytest.mark.parametrize(
    'spoil, message', BAD.items(), ids=lambda each: getattr(each, '__name__', '')
)
def test_a_mistake_is_one_line_and_leaves_nothing(sources, tmp_path, command, spoil, message):
    folder = tmp_path / 'sources'
    shutil.copytree(sources, folder)
    spoil(folder)
    options = ['--photographs', folder / 'photographs', '--cutouts', folder / 'cutouts']
    done = command(SCRIPT, *options, '--out', tmp_path / 'out', '--train', 2, '--val', 1)
    assert done.returncode == 2 and message.format(folder) in done.stderr
    assert done.stderr.startswith('error: ') and done.stderr.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_the_command(sources, tmp_path, command):
    options = ['--photographs', sources / 'photographs', '--cutouts', sources / 'cutouts']
    options += ['--size', 32, '--train', 2, '--val', 1, '--out', tmp_path / 'out']
    done = command(SCRIPT, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f'scenes of ball, leaf are in {tmp_path}/out\n'
    assert json.loads((tmp_path / 'out/scenes.json').read_text())['size'] == 32
    assert command(SCRIPT, *options, '--val', 0).returncode == 2
