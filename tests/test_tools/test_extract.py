"""``tools/extract.py`` as it is called: what it writes, says, and leaves behind when it fails."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from gaia_ssl.models.backbones import DynamicResNet, SubnetResNet
from gaia_ssl.space import get_space

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'extract.py'
TINY = get_space('tiny10to22')
IMAGES = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
CONFIG = """
model = dict(
    type='DynamicMoCo',
    backbone=dict(type='DynamicResNet', space='tiny10to22'),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True))
search = dict(input_size=32)
views = [dict(type='mmpretrain.RandomResizedCrop', scale=24)]
train_dataloader = dict(
    dataset=dict(
        type='TrainingImages',
        data_prefix='images',
        pipeline=[
            dict(type='LoadAnyImage'),
            dict(type='mmpretrain.MultiView', num_views=2, transforms=[views]),
            dict(type='mmpretrain.PackInputs')]))
"""


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """A config, checkpoints, a search and images, good and bad."""
    folder = tmp_path_factory.mktemp('data')
    (folder / 'config.py').write_text(CONFIG)
    (folder / 'broken.py').write_text('model = dict(')
    (folder / 'other_space.py').write_text(CONFIG.replace('tiny10to22', 'ar50to101'))
    (folder / 'static.py').write_text("model = dict(backbone=dict(type='mmpretrain.ResNet'))")
    net = DynamicResNet('tiny10to22')
    weights = {f'backbone.{key}': value for key, value in net.state_dict().items()}
    torch.save(dict(state_dict=weights), folder / 'epoch_1.pth')
    whole = (folder / 'epoch_1.pth').read_bytes()
    (folder / 'truncated.pth').write_bytes(whole[: len(whole) // 2])
    torch.save(dict(state_dict=net.state_dict()), folder / 'no_backbone.pth')
    meta = dict(input_size=48, checkpoint_sha256='other')
    search = dict(meta=meta, subnets=[], anchors=[])
    (folder / 'empty_search.json').write_text(json.dumps(search))
    search['subnets'] = [
        dict(arch=arch, flops=flops, params=1, distance=0.5)
        for flops, arch in enumerate((TINY.min, TINY.max))
    ]
    (folder / 'search.json').write_text(json.dumps(search))
    (folder / 'half.json').write_text(json.dumps(search)[:-9])
    rng = np.random.default_rng(0)
    for name in ('images', 'corrupt'):
        (folder / name).mkdir()
        for index in range(4):
            pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f'{index}.png')
    picture = folder / 'corrupt' / '2.png'
    picture.write_bytes(picture.read_bytes()[:2000])
    (folder / 'no_images').mkdir()
    (folder / 'file').touch()
    return folder


@pytest.fixture
def call(data, tmp_path, monkeypatch, capsys):
    """Run the tool in this process: (exit code, stdout, stderr)."""

    def call(*args, config='config.py', checkpoint='epoch_1.pth', out='out'):
        args = [data / config, data / checkpoint, *args, '--out', tmp_path / out]
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, args)])
        monkeypatch.chdir(data)
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
            code = 0
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


def meta_of(folder):
    return torch.load(folder / 'backbone.pth', weights_only=True)['meta']


@pytest.mark.slow
def test_as_a_process(command, data, tmp_path):
    arch = json.dumps(TINY.anchors['R18'])
    args = ['config.py', 'epoch_1.pth', '--arch', arch, '--out', tmp_path / 'out']
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    # a fresh one, so that the tool itself imports all it needs
    done = subprocess.run(
        [sys.executable, TOOL, *args], cwd=data, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert '2.22 MFLOPs at 32 px, 699.71 k parameters' in done.stdout
    assert 'warning: batch-norm statistics are the supernet' in done.stderr
    net = SubnetResNet(TINY.anchors['R18'], block='basic', stem='3x3s2')
    content = torch.load(tmp_path / 'out' / 'backbone.pth', weights_only=True)
    net.load_state_dict(content['state_dict'], strict=True)

    again = command(TOOL, *args, cwd=data)
    assert again.returncode == 2
    assert again.stderr.endswith('choose another or set --overwrite\n')
    assert again.stderr.startswith('error: --out: ') and len(again.stderr.splitlines()) == 1


def test_an_arch_file_that_was_written_can_be_read(call, tmp_path):
    assert call('--arch', 'MIN')[0] == 0
    code, _, _ = call('--arch', tmp_path / 'out' / 'arch.json', out='again')
    assert code == 0
    assert meta_of(tmp_path / 'again')['arch'] == TINY.min


def test_from_a_search(call, tmp_path, data):
    code, _, errors = call('--from', data / 'search.json', '--rank', 2)
    assert code == 0
    assert 'warning: the search was made with another checkpoint' in errors
    meta = meta_of(tmp_path / 'out')
    assert meta['arch'] == TINY.max and meta['input_size'] == 48
    assert meta['search']['rank'] == 2 and meta['search']['value'] == 0.5


@pytest.mark.parametrize(
    'args, names',
    [
        (['--from', 'search.json', '--top', '2'], ['rank1', 'rank2']),
        (['--from', 'search.json', '--pareto', 'flops'], ['rank1']),
        (['--anchors'], sorted(TINY.anchors)),
    ],
)
def test_several(call, tmp_path, args, names):
    code, printed, errors = call(*args)
    assert code == 0
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == names
    assert len(printed.splitlines()) == len(names)
    assert errors.count('batch-norm statistics are the supernet') == 1
    kept = ''.join(line.replace(': ', ': kept, ', 1) for line in printed.splitlines(True))
    assert call(*args)[:2] == (0, kept)


def test_exported(call, tmp_path):
    assert call('--arch', 'MIN', '--export', 'torchscript')[0] == 0
    assert len(torch.jit.load(tmp_path / 'out' / 'backbone.torchscript')(IMAGES)) == 4
    args = ['--arch', 'MIN', '--export', 'torchscript', '--export-pooled']
    assert call(*args, out='pooled')[0] == 0
    net = torch.jit.load(tmp_path / 'pooled' / 'backbone.torchscript')
    assert net(IMAGES).shape == (2, TINY.min['width'][-1])


def test_calibrated(call, tmp_path, data):
    code, _, errors = call('--arch', 'MIN', '--calibrate', data / 'images', '--calibrate-num', 3)
    assert code == 0 and 'warning' not in errors
    assert meta_of(tmp_path / 'out')['calibration']['images'] == 3


def test_calibrated_on_what_it_trains_on(call, tmp_path):
    option = 'train_dataloader.dataset.data_prefix='
    code, _, errors = call('--arch', 'MIN', '--calibrate', '--cfg-options', f'{option}nowhere')
    assert (
        code == 2
        and 'error: train_dataloader.dataset.data_prefix: nowhere does not exist' in errors
    )
    code, _, errors = call('--arch', 'MIN', '--calibrate')
    assert code == 0 and 'warning' not in errors
    calibration = meta_of(tmp_path / 'out')['calibration']
    assert len(calibration.pop('images_sha256')) == 64
    assert calibration == dict(folder=None, images=4, batches=1, batch_size=4)


def test_options_override_the_config_and_its_size(call, tmp_path):
    option = 'model.data_preprocessor.to_rgb=False'
    assert call('--arch', 'MIN', '--input-size', 96, '--cfg-options', option)[0] == 0
    meta = meta_of(tmp_path / 'out')
    assert meta['input_size'] == 96 and meta['normalisation']['to_rgb'] is False


def test_overwrite(call, tmp_path):
    assert call('--arch', 'MIN')[0] == 0
    assert call('--arch', 'MAX')[0] == 2
    assert meta_of(tmp_path / 'out')['arch'] == TINY.min
    assert call('--arch', 'MAX', '--overwrite')[0] == 0
    assert meta_of(tmp_path / 'out')['arch'] == TINY.max
    assert [path.name for path in tmp_path.iterdir()] == ['out']


@pytest.mark.parametrize(
    'args, inputs, message',
    [
        # archs
        (['--arch', 'R50'], {}, "arch: 'R50' is not an anchor of space 'tiny10to22'; choose"),
        (['--arch', '{"width": '], {}, '--arch: not valid JSON'),
        (['--arch', 'no.json'], {}, '--arch: no.json does not exist'),
        (['--arch', '{"depth": [1, 1, 1, 1]}'], {}, 'arch.stem_width: missing'),
        (
            ['--arch', json.dumps(dict(TINY.min, groups=2))],
            {},
            "arch.groups: unknown field; space 'tiny10to22' has stem_width, width, depth",
        ),
        (
            ['--arch', json.dumps(dict(TINY.min, depth=[1, 9, 1, 1]))],
            {},
            "arch.depth: 9 is out of bounds; space 'tiny10to22' goes from 1 to 3 there",
        ),
        # searches
        (['--from', 'nowhere'], {}, 'nowhere does not exist; search first'),
        (['--from', 'half.json'], {}, 'half.json: not valid JSON'),
        (['--from', 'epoch_1.pth'], {}, 'epoch_1.pth: not valid JSON'),
        (['--from', 'search.json', '--rank', '3'], {}, '--rank: 3 is not in 1..2'),
        (['--from', 'search.json', '--top', '3'], {}, '--top: 3 is not in 1..2'),
        (['--from', 'search.json', '--pareto', 'latency'], {}, "has no 'latency'; it has flops"),
        (['--from', 'empty_search.json'], {}, 'empty_search.json holds no subnet'),
        # configs and checkpoints
        (['--arch', 'MIN'], dict(config='no.py'), 'no.py does not exist'),
        (['--arch', 'MIN'], dict(config='broken.py'), 'broken.py cannot be loaded'),
        (['--arch', 'MIN'], dict(config='static.py'), 'mmpretrain.ResNet in '),
        (['--arch', 'MIN'], dict(checkpoint='no.pth'), 'no.pth does not exist'),
        (['--arch', 'MIN'], dict(checkpoint='truncated.pth'), 'truncated.pth cannot be read'),
        (['--arch', 'MIN'], dict(checkpoint='search.json'), 'search.json cannot be read'),
        (['--arch', 'MIN'], dict(checkpoint='images'), 'images does not exist'),
        (['--arch', 'MIN'], dict(checkpoint='no_backbone.pth'), 'has no backbone.* weights'),
        (
            ['--arch', 'MIN'],
            dict(config='other_space.py'),
            "epoch_1.pth is of another space than 'ar50to101'",
        ),
        # images
        (['--arch', 'MIN', '--calibrate', 'nowhere'], {}, 'nowhere is not a folder'),
        (['--arch', 'MIN', '--calibrate', 'no_images'], {}, 'no_images holds no image'),
        (['--arch', 'MIN', '--calibrate', 'corrupt'], {}, '2.png'),
        (
            ['--arch', 'MIN', '--calibrate', 'images', '--calibrate-num', '1'],
            {},
            '--calibrate-num: 1 is too few',
        ),
        (['--arch', 'MIN', '--input-size', '0'], {}, '--input-size: 0 is not a size'),
        # other formats
        (
            ['--arch', 'MIN', '--export-pooled'],
            {},
            '--export-pooled: it is a setting of other formats; give --export',
        ),
    ],
)
def test_bad_input(call, tmp_path, args, inputs, message):
    code, _, errors = call(*args, **inputs, out='deep/out')
    assert code == 2
    line = errors.splitlines()[-1]
    assert line.startswith('error: ') and message in line
    assert 'Traceback' not in errors
    assert not list(tmp_path.iterdir())


def test_an_unwritable_place(call, data, tmp_path):
    code, _, errors = call('--arch', 'MIN', out=data / 'file' / 'out')
    assert code == 2
    assert errors.startswith('error: --out: ') and 'cannot be written' in errors


@pytest.mark.parametrize(
    'args',
    [
        [],
        ['--arch', 'MIN', '--from', 'x'],
        ['--arch', 'M', '--rank', 1],
        ['--anchors', '--top', 1],
        ['--from', 'search.json', '--top', 1, '--rank', 1],
        ['--arch', 'MIN', '--export', 'tflite'],
    ],
)
def test_command_lines_that_say_too_little_or_too_much(call, tmp_path, args):
    code, _, errors = call(*args)
    assert code == 2 and 'usage:' in errors
    assert not list(tmp_path.iterdir())


STOPPED = """
import os, runpy, signal, sys
from importlib import import_module
stop = lambda *args: os.kill(os.getpid(), signal.{signal})
import_module('gaia_ssl.export.extract').export = stop
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.mark.parametrize('signal, code', [('SIGTERM', 143), ('SIGINT', 130), ('SIGKILL', -9)])
def test_stopped_by_a_signal(command, data, tmp_path, signal, code):
    (tmp_path / 'stopped.py').write_text(STOPPED.format(signal=signal))
    args = [TOOL, data / 'config.py', data / 'epoch_1.pth', '--arch', 'MIN']
    args += ['--out', tmp_path / 'a/out']
    done = command(tmp_path / 'stopped.py', *args)
    assert (done.returncode, done.stdout, done.stderr) == (code, '', '')
    if code == -9:  # what no process can clean up, the next one does
        [draft] = (tmp_path / 'a').iterdir()
        assert draft.name.startswith('out.tmp')
        assert command(*args).returncode == 0
        assert [path.name for path in (tmp_path / 'a').iterdir()] == ['out']
    assert code == -9 or [path.name for path in tmp_path.iterdir()] == ['stopped.py']


def test_a_full_disk_is_one_line_with_the_file(command, data, tmp_path):
    args = [TOOL, data / 'config.py', data / 'epoch_1.pth', '--arch', 'MIN']
    limited = Path(__file__).with_name('full_disk.py')
    done = command(limited, 100_000, *args, '--out', tmp_path / 'a/out')
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f'error: {tmp_path}/a/out.tmp')
    assert line.endswith('/backbone.pth: File too large; make room there')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('name', ["it's", 'say "a" b', '{a} 100 % $HOME', 'two\nlines', "'"])
def test_configs_of_any_folder_load(command, call, tmp_path, monkeypatch, name):
    from gaia_ssl.engine.downstream import load_downstream_config

    assert call('--arch', 'MIN', out=name)[0] == 0
    weights = str(tmp_path / name / 'backbone.pth')
    configs = [path for path in (tmp_path / name).iterdir() if path.suffix == '.py']
    assert len(configs) == 5
    for path in configs:
        assert Config.fromfile(path).model.backbone.init_cfg.checkpoint == weights
    monkeypatch.setenv('GAIA_SSL_SUBNET', '')  # what is set is undone after the test
    fcn = ROOT / 'configs/benchmarks/segmentation/fcn_d8_4xb4-80k_ade20k-512x512.py'
    config = load_downstream_config(str(fcn), str(tmp_path / name))
    assert config.model.backbone.init_cfg.checkpoint == weights
