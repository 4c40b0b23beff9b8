"""Commands with files and folders whose names are not UTF-8."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.apis import load_subnet
from gaia_ssl.registry import MODELS
from gaia_ssl.utils.cli import load_config

ROOT = Path(__file__).parents[2]
BASE = ROOT / 'configs/mocov2/mocov2_tiny10to22_bs64-coslr-3e_cifar10.py'
CAFE = os.fsdecode(b'caf\xe9')
IN_PROCESS = [
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=4',
    'train_cfg.max_epochs=1',
    'model.queue_len=16',
]


@pytest.fixture(scope='module')
def cafe(tmp_path_factory):
    """A folder with such a name: a config, a checkpoint, images and one that cannot be read."""
    root = tmp_path_factory.mktemp('names') / CAFE
    for place in ('train/a', 'train/b'):
        (root / place).mkdir(parents=True)
        for index in range(5):
            pixels = np.random.default_rng(index).integers(0, 255, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / place / f'{CAFE}{index}.png')
    (root / f'train/a/{CAFE}.jpg').write_bytes(b'broken')
    (root / f'{CAFE}.py').write_text(f"_base_ = '{BASE}'\nsearch = dict(input_size=32)\n")
    torch.manual_seed(0)
    model = MODELS.build(load_config(str(BASE)).model)
    torch.save(dict(state_dict=model.state_dict(), meta={}), root / 'epoch_1.pth')
    return root


@pytest.fixture(scope='module')
def search(cafe, command, tmp_path_factory):
    """The command of a search, its folder, and what it printed."""
    work_dir = tmp_path_factory.mktemp('search') / CAFE
    call = ['tools/search.py', cafe / f'{CAFE}.py', cafe / 'epoch_1.pth', '--task', 'global']
    call += ['--images', cafe / 'train', '--max-bad', '0.5', '--num', '2', '--work-dir', work_dir]
    done = command(*call)
    assert done.returncode == 0, done.stderr
    return call, work_dir, done.stdout


def test_search_and_its_resuming(cafe, search, command):
    call, work_dir, printed = search
    assert f'{CAFE}.jpg (not an image)' in printed
    assert f'2 subnets ranked in {work_dir}/search.json' in printed
    result = json.loads((work_dir / 'search.json').read_text())
    assert result['meta']['images'] == [str(cafe / 'train')]
    assert {path.suffix for path in work_dir.iterdir()} >= {'.html', '.png', '.csv'}
    again = command(*call, '--resume')
    assert again.returncode == 0, again.stderr
    assert json.loads((work_dir / 'search.json').read_text()) == result


def test_comparing_searches(search, command, tmp_path):
    _, work_dir, _ = search
    other = tmp_path / f'{CAFE}_other'
    shutil.copytree(work_dir, other)
    outs = [tmp_path / f'{CAFE}{ending}' for ending in ('.md', '.json', '.png')]
    done = command(
        *('tools/analysis_tools/compare_searches.py', work_dir, other),
        *('--top', '1', '--out', *outs),
    )
    assert done.returncode == 0, done.stderr
    assert f'{CAFE}_other' in outs[0].read_text(errors='surrogateescape')
    assert outs[2].exists()


def test_extraction(cafe, search, command, tmp_path):
    _, work_dir, _ = search
    call = ['tools/extract.py', cafe / f'{CAFE}.py', cafe / 'epoch_1.pth', '--from', work_dir]
    refused = command(*call, '--out', tmp_path / CAFE)
    assert refused.returncode == 2
    assert refused.stderr.endswith(
        f'error: --out: {tmp_path / CAFE} has bytes that are not UTF-8, so that no config could '
        'name the folder; choose another name\n'
    )
    written = command(*call, '--out', tmp_path / 'café', '--calibrate', cafe / 'train/b')
    assert written.returncode == 0, written.stderr
    meta = torch.load(tmp_path / 'café/backbone.pth', weights_only=True)['meta']
    assert meta['calibration']['folder'] == str(cafe / 'train/b')
    # a folder that was moved there is read; only its configs need another name
    (tmp_path / 'café').rename(tmp_path / CAFE)
    assert load_subnet(str(tmp_path / CAFE)).arch == meta['arch']


def test_judging_and_latency(cafe, command, tmp_path):
    (cafe / f'train/a/{CAFE}.jpg').unlink(missing_ok=True)
    work_dir = tmp_path / CAFE
    done = command(
        *('tools/test.py', cafe / f'{CAFE}.py', cafe / 'epoch_1.pth', '--archs', 'MIN'),
        *('--train', cafe / 'train', '--val', cafe / 'train', '--work-dir', work_dir),
    )
    assert done.returncode == 0, done.stderr
    assert f'1 subnets in {work_dir}/test.json' in done.stdout
    written = json.loads((work_dir / 'test.json').read_text())
    assert written['meta']['checkpoint'] == str(cafe / 'epoch_1.pth')
    table = tmp_path / f'{CAFE}.json'
    call = ['tools/latency.py', 'tinymb4to8', '--out', table, '--rounds', '1', '--validate', '0']
    for _ in range(2):
        done = command(*call, '--input-size', '32')
        assert done.returncode == 0, done.stderr
        assert f'table in {table}' in done.stdout


def test_training_and_resuming(cafe, command, tmp_path):
    (cafe / f'train/a/{CAFE}.jpg').unlink(missing_ok=True)
    work_dir = tmp_path / CAFE
    call = ['tools/train.py', cafe / f'{CAFE}.py', '--work-dir', work_dir]
    settings = [*IN_PROCESS, 'train_dataloader.dataset.data_root=']
    settings += [f'train_dataloader.dataset.data_prefix={cafe / "train"}']
    done = command(*call, '--cfg-options', *settings)
    assert done.returncode == 0, done.stderr
    assert '--- Logging error' not in done.stderr
    logs = list(work_dir.glob('*/*.log'))
    assert os.fsencode(f'10 images in {cafe / "train"}') in logs[0].read_bytes()
    assert command(*call, '--resume', '--cfg-options', *settings).returncode == 0
    named = ['--resume', work_dir / 'epoch_1.pth']
    again = command(*call, *named, '--cfg-options', *settings, 'train_cfg.max_epochs=2')
    assert again.returncode == 0, again.stderr
    assert 'resumed epoch: 1' in again.stdout
    assert (work_dir / 'epoch_2.pth').exists()
