"""tools/test.py, run as a user runs it."""

import importlib.util
import json
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.evaluation import FolderProbes
from gaia_ssl.registry import MODELS
from gaia_ssl.space import count_cost, get_space
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import load_config

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location('tools_test', ROOT / 'tools/test.py')
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)
CONFIG = 'configs/mocov2/mocov2_tiny10to22_bs128-coslr_scenes.py'
TINY = get_space('tiny10to22')


@pytest.fixture
def run(command):
    return partial(command, 'tools/test.py')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """A checkpoint, and labeled folders of stripes that stand or lie."""
    root = tmp_path_factory.mktemp('test')
    rng = np.random.default_rng(0)
    for part, number in dict(train=12, val=6).items():
        for name in ('lying', 'standing'):
            (root / part / name).mkdir(parents=True)
            for i in range(number):
                stripes = np.sin(np.arange(40) * rng.uniform(0.3, 1.2)) * 100 + 128
                image = np.broadcast_to(stripes, (40, 40)) + rng.normal(scale=40, size=(40, 40))
                image = image if name == 'standing' else image.T
                image = np.repeat(np.clip(image, 0, 255)[..., None], 3, 2).astype(np.uint8)
                cv2.imwrite(str(root / part / name / f'{i}.png'), image)
    torch.manual_seed(1)
    model = MODELS.build(load_config(str(ROOT / CONFIG)).model)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict(), meta={}), root / 'epoch_1.pth')
    return root


def folders(data):
    return ['--train', data / 'train', '--val', data / 'val']


def test_judges_the_anchors_and_random_weights(run, data, tmp_path):
    done = run(
        *(CONFIG, data / 'epoch_1.pth', *folders(data), '--work-dir', tmp_path),
        *('--input-size', 32, '--cfg-options', 'knn.k=5', 'knn.num_workers=0'),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / 'test.json').read_text())
    assert [row['name'] for row in result['subnets']] == list(TINY.anchors)
    meta = result['meta']
    assert (meta['k'], meta['input_size'], meta['train_images']) == (5, 32, 24)

    config = load_config(str(ROOT / CONFIG))
    model = MODELS.build(config.model)
    model.load_state_dict(torch.load(data / 'epoch_1.pth')['state_dict'])
    nets = {name: model.backbone.extract(arch) for name, arch in TINY.anchors.items()}
    knn = FolderProbes(config, str(data / 'train'), str(data / 'val'), input_size=32, k=5)
    for name, top1 in knn(nets).items():
        row = next(row for row in result['subnets'] if row['name'] == name)
        assert row['knn_top1'] == pytest.approx(top1.knn, abs=1e-3)
        assert row['linear_top1'] == pytest.approx(top1.linear, abs=1e-3)
        assert row['arch'] == TINY.anchors[name]
        assert row['flops'] == count_cost(TINY, row['arch'], 32).flops
        keys = [f'{kind}_top1{end}' for kind in ('knn', 'linear') for end in ('', '_random')]
        assert all(0 <= row[key] <= 100 for key in keys)
        (line,) = [line for line in done.stdout.splitlines() if line.endswith(f'  {name}')]
        assert line.split()[2:] == [*(f'{row[key]:.2f}' for key in keys), name]


def test_figures_that_cannot_be_written_are_printed(run, data, tmp_path):
    """They come alone: random weights are drawn without MMEngine's log."""
    (tmp_path / 'test.json').mkdir()
    done = run(
        *(CONFIG, data / 'epoch_1.pth', *folders(data), '--archs', 'MIN'),
        *('--input-size', 32, '--work-dir', tmp_path, '--cfg-options', 'knn.num_workers=0'),
    )
    assert done.returncode == 2
    *others, progress, titles, figures, last = done.stdout.splitlines()
    assert progress.startswith('judging: 6/6 subnet passes, ')
    assert set(others) <= {'Could not import OneDL'}  # onedl's mmseg prints it when it is imported
    assert titles.split() == [
        'MFLOPs',
        'k',
        'parameters',
        'kNN',
        'top-1',
        'random',
        'linear',
        'random',
        'subnet',
    ]
    assert last.startswith('always the largest class: ')
    assert figures.endswith('  MIN')
    assert done.stderr.splitlines()[-1].startswith(f'error: {tmp_path}/test.json')
    assert [path.name for path in tmp_path.iterdir()] == ['test.json']


def test_judges_archs_by_name_and_as_json(run, data, tmp_path):
    arch = json.dumps(TINY[7])
    done = run(
        *(CONFIG, data / 'epoch_1.pth', '--archs', 'MIN', arch, '--work-dir', tmp_path),
        '--no-random',
        *('--cfg-options', f'knn.train={data}/train', f'knn.val={data}/val'),
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / 'test.json').read_text())['subnets']
    assert [row['arch'] for row in rows] == [TINY.min, TINY[7]]
    assert all('knn_top1_random' not in row for row in rows)


@pytest.mark.parametrize(
    'args, message',
    [
        ([], '--train: give a folder'),
        (['--train', 'nowhere', '--val', '{data}/val'], 'nowhere is not a folder'),
        (['--train', '{data}/train', '--val', '{data}/val/lying'], 'is not in a class folder'),
        (['--archs', 'R50'], "'R50' is not an anchor"),
        (
            ['--cfg-options', 'knn.train=a', 'knn.val=b', 'knn.what=c'],
            'knn.what: unknown setting',
        ),
    ],
)
def test_names_mistakes(data, monkeypatch, args, message):
    args = [CONFIG, str(data / 'epoch_1.pth'), *(arg.format(data=data) for arg in args)]
    monkeypatch.setattr(sys, 'argv', ['test.py', *args])
    args = tool.parse_args()
    with pytest.raises(UserError, match=message):
        tool.judge(load_config(str(ROOT / CONFIG), args.cfg_options), args, str(data / 'out'))


def test_a_mistake_is_one_line_and_writes_nothing(run, data, tmp_path):
    done = run(CONFIG, data / 'epoch_1.pth', '--work-dir', tmp_path / 'out')
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1 and '--train: give a folder' in errors[0]
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'out').exists()
