"""tools/benchmarks/downstream.py: what is wrong is said before anything is built."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
PLACE = ROOT / 'configs' / 'benchmarks'
FCN = PLACE / 'segmentation' / 'fcn_d8_4xb4-80k_ade20k-512x512.py'


@pytest.fixture
def complaint(monkeypatch, capsys, tmp_path):
    """Run the tool in an empty folder and return the line with which it fails."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('GAIA_SSL_SUBNET', '')  # what the tool sets is undone after the test

    def run(*arguments):
        monkeypatch.delenv('GAIA_SSL_SUBNET', raising=False)
        monkeypatch.setattr(sys, 'argv', ['downstream.py', *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            runpy.run_path(str(ROOT / 'tools/benchmarks/downstream.py'), run_name='__main__')
        assert exit_.value.code == 2
        # a logger may have its say before
        lines = capsys.readouterr().err.splitlines()
        [line] = [line for line in lines if line.startswith('error: ')]
        assert not list(tmp_path.iterdir())
        return line

    return run


def test_a_wrong_folder(complaint):
    message = 'holds no backbone.pth; name a folder that tools/extract.py wrote'
    assert complaint('train', FCN, '--subnet', '/nowhere') == f'error: subnet: /nowhere {message}'
    assert complaint('train', FCN) == f'error: subnet: work_dirs/subnet {message}'


def test_a_truncated_checkpoint(tmp_path_factory, complaint, extracted):
    folder = tmp_path_factory.mktemp('truncated')
    content = (extracted() / 'backbone.pth').read_bytes()
    (folder / 'backbone.pth').write_bytes(content[: len(content) // 2])
    line = complaint('train', FCN, '--subnet', folder)
    assert f'{folder}/backbone.pth cannot be read' in line and 'may be truncated' in line


def test_missing_data(complaint, extracted):
    folder = extracted()
    root = 'train_dataloader.dataset.data_root=/nowhere'
    line = complaint('train', FCN, '--subnet', folder, '--cfg-options', root)
    assert line == 'error: train_dataloader.dataset.data_root: /nowhere does not exist; set it'
    line = complaint('test', FCN, 'x.pth', '--subnet', folder)
    missing = 'data_root: data/ade/ADEChallengeData2016 does not exist; set it'
    assert line == f'error: test_dataloader.dataset.{missing}'


def test_classes_that_are_missing_or_mistyped(tmp_path_factory, complaint, extracted):
    """Labels would be shifted without a word."""
    folder, data = extracted(), tmp_path_factory.mktemp('data')
    for name in ('train/a', 'train/b', 'val/b', 'images'):
        (data / name).mkdir(parents=True)
        Image.new('RGB', (8, 8)).save(data / name / '0.jpg')
    (data / 'a.json').write_text(
        '{"images": [{"id": 1, "file_name": "0.jpg", "height": 8, "width": 8}], "annotations": [],'
        ' "categories": [{"id": 1, "name": "nut"}]}'
    )
    dataset = 'dict(_delete_=True, type={!r}, data_root={!r}, data_prefix={!r}, {})'
    cases = {
        'mmpretrain_linear_imagenet': (
            ('CustomDataset', 'train', ''),
            ('CustomDataset', 'val', ''),
            'val_dataloader.dataset: its class folders, compared with those of '
            "train_dataloader.dataset, lack 'a'",
        ),
        'mmdet_faster-rcnn_fpn_coco': (
            *2 * [('CocoDataset', dict(img='images'), "ann_file='a.json', metainfo=CLASSES")],
            f'train_dataloader.dataset.metainfo.classes: {data}/a.json has no category',
        ),
        'mmseg_fcn_ade20k': (
            *(
                ('BaseSegDataset', dict(img_path='images'), f'metainfo=dict(classes=({name!r},))')
                for name in ('road', 'raod')
            ),
            'val_dataloader.dataset: its classes, compared with those of train_dataloader.dataset, '
            "lack 'road' and have 'raod'",
        ),
    }
    for name, (train, val, message) in cases.items():
        lines = [f"_base_ = '{folder}/{name}.py'", "CLASSES = dict(classes=('not',))"]
        for split, (kind, prefix, more) in (('train', train), ('val', val)):
            text = dataset.format(kind, str(data), prefix, more)
            lines.append(f'{split}_dataloader = dict(dataset={text})')
        (data / f'{name}.py').write_text('\n'.join(lines))
        assert message in complaint('train', data / f'{name}.py')


def test_a_config_with_its_own_backbone(complaint, extracted):
    folder = extracted()
    line = complaint('train', folder / 'mmseg_fcn_ade20k.py', '--subnet', folder)
    assert line.endswith('mmseg_fcn_ade20k.py has its own backbone; leave it out')


@pytest.mark.parametrize('launcher', ['dist', 'slurm'])
@pytest.mark.parametrize('command', ['train', 'test'])
def test_scripts_say_what_they_need(launcher, command):
    script = ROOT / 'tools' / 'benchmarks' / f'{launcher}_downstream.sh'
    done = subprocess.run(['bash', script, command, 'a'], capture_output=True, text=True)
    assert done.returncode == 2
    assert f'{launcher}_downstream.sh {command} ' in done.stderr


@pytest.mark.parametrize('command', ['train', 'test'])
def test_slurm_gets_the_command(tmp_path, command):
    (tmp_path / 'srun').write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / 'srun').chmod(0o755)
    checkpoint = ['C.pth'] if command == 'test' else []
    script = ROOT / 'tools' / 'benchmarks' / 'slurm_downstream.sh'
    done = subprocess.run(
        ['bash', script, command, 'part', 'job', 'config.py', 'subnet', *checkpoint]
        + ['--work-dir', 'w'],
        env=dict(PATH=f'{tmp_path}:/usr/bin:/bin', GPUS='4', PYTHON='python3'),
        capture_output=True,
        text=True,
    )
    assert '-p part --job-name=job' in done.stdout and '--ntasks=4' in done.stdout
    given = ' '.join(['config.py', *checkpoint])
    assert done.stdout.rstrip().endswith(
        f'downstream.py {command} {given} --subnet subnet --launcher slurm --work-dir w'
    )
