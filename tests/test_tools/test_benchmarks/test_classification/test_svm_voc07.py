"""The SVMs on photographs in VOC's layout: parts of COCO's, with the classes that are on them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaia_ssl.utils import UserError

ROOT = Path(__file__).resolve().parents[4]
SPLITS = dict(trainval='train', test='val')
GRID = 3  # parts along each side of a photograph


@pytest.fixture(scope='module')
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp('coco20')
    converter = ROOT / 'tools' / 'dataset_converters' / 'coco20.py'
    done = subprocess.run(
        [sys.executable, converter, '--out', folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f'the photographs cannot be fetched: {done.stderr.strip()[-200:]}')
    return folder / 'coco'


def parts(coco, split):
    """Parts of a split's photographs, and the categories of the boxes that have centres there."""
    content = json.loads((coco / 'annotations' / f'instances_{split}2017.json').read_text())
    names = {category['id']: category['name'] for category in content['categories']}
    for image in content['images']:
        photograph = Image.open(coco / f'{split}2017' / image['file_name'])
        sides = photograph.width // GRID, photograph.height // GRID
        found = {}
        for annotation in content['annotations']:
            if annotation['image_id'] == image['id']:
                x, y, width, height = annotation['bbox']
                cell = (x + width / 2) // sides[0], (y + height / 2) // sides[1]
                found.setdefault(cell, set()).add(names[annotation['category_id']])
        for column in range(GRID):
            for row in range(GRID):
                left, top = column * sides[0], row * sides[1]
                part = photograph.crop((left, top, left + sides[0], top + sides[1]))
                yield part.convert('RGB'), found.get((column, row), set())


@pytest.fixture(scope='module')
def voc(tmp_path_factory, photographs):
    """VOC2007's layout, with the classes that are on enough images."""
    root = tmp_path_factory.mktemp('VOC2007')
    content = {split: list(parts(photographs, own)) for split, own in SPLITS.items()}
    counts = {split: [name for _, names in content[split] for name in names] for split in SPLITS}
    classes = [
        name
        for name in sorted(set(counts['trainval']))
        if counts['trainval'].count(name) >= 3 and name in counts['test']
    ]
    (root / 'JPEGImages').mkdir()
    lists = root / 'ImageSets' / 'Main'
    lists.mkdir(parents=True)
    number = 0
    for split, images in content.items():
        lines = {name: [] for name in classes}
        for image, names in images:
            number += 1
            image.save(root / 'JPEGImages' / f'{number:06d}.jpg')
            for name in classes:
                lines[name].append(f'{number:06d} {1 if name in names else -1:2d}\n')
        for name in classes:
            (lists / f'{name}_{split}.txt').write_text(''.join(lines[name]))
    return root, classes


@pytest.mark.slow
def test_judges_photographs(tmp_path, capsys, run_tool, subnet, voc):
    root, classes = voc
    assert len(classes) >= 3 and 'person' in classes
    run_tool(
        'svm_voc07',
        *(subnet, '--data', root, '--work-dir', tmp_path, '--num-workers', 0, '--jobs', 1),
        *('--low-shot', '--shots', 1, 2, '--runs', 2, '--costs', 0.01, 1, '--input-size', 96),
    )
    result = json.loads((tmp_path / 'svm_voc07.json').read_text())
    meta, full = result['meta'], result['full']
    assert meta['classes'] == classes
    assert meta['images'] == dict(trainval=15 * GRID**2, test=5 * GRID**2)
    assert meta['features'] == 128 * 2 * 2
    assert full['map'] == pytest.approx(np.mean(full['ap']), abs=1e-3)
    assert len(full['ap']) == len(full['costs']) == len(classes)
    assert set(result['low_shot']) == {'1', '2'}
    lists = (root / 'ImageSets' / 'Main').glob('*_test.txt')
    chance = np.mean([np.mean(np.loadtxt(file)[:, 1] == 1) for file in lists])
    assert 100 * chance < full['map'] <= 100
    assert f'mAP: {full["map"]:.2f}' in capsys.readouterr().out


@pytest.mark.slow
def test_classes_that_differ(tmp_path, run_tool, subnet, voc):
    root, classes = voc
    file = root / 'ImageSets' / 'Main' / f'{classes[0]}_test.txt'
    text = file.read_text()
    file.unlink()
    try:
        with pytest.raises(UserError, match='data: .* has other classes in trainval than in test'):
            run_tool('svm_voc07', subnet, '--data', root, '--work-dir', tmp_path / 'out')
    finally:
        file.write_text(text)
    assert not (tmp_path / 'out').exists()


def test_without_data_nothing_is_written(tmp_path, run_tool, subnet):
    with pytest.raises(UserError, match=r'data: .*\*_trainval.txt matches no file; give the fold'):
        run_tool('svm_voc07', subnet, '--data', tmp_path, '--work-dir', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
