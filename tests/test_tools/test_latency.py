"""tools/latency.py, as it is called."""

import runpy
import sys
from pathlib import Path

import pytest

from gaia_ssl.space import LatencyTable, get_space

TOOL = str(Path(__file__).parents[2] / 'tools' / 'latency.py')
SPACE = """dict(
    name='small',
    family=dict(type='resnet', block='basic', stem='3x3s2'),
    choices=dict(
        stem_width=[8], width=[[8, 12], [16], [24], [32]], depth=[[1, 2], [1], [1], [1, 2]]
    ),
)"""
CONFIG = f"""
model = dict(
    type='DynamicMoCo', backbone=dict(type='DynamicResNet', space={SPACE}, in_channels=1)
)
"""
QUICK = ('--input-size', '32', '48', '--rounds', '1', '--validate', '3', '--threads', '1')


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*args):
        monkeypatch.setattr(sys, 'argv', [TOOL, *map(str, args)])
        code = 0
        try:
            runpy.run_path(TOOL, run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


def test_latency_of_a_config(run, tmp_path):
    (tmp_path / 'config.py').write_text(CONFIG)
    out = tmp_path / 'tables' / 'table.json'
    code, text, errors = run(tmp_path / 'config.py', '--out', out, *QUICK)
    assert code == 0, errors
    table = LatencyTable.load(str(out))
    assert table.space.family.in_channels == 1 and len(table.space) == 8
    assert table.conditions.input_size == (32, 48) and table.conditions.threads == 1
    assert len(table.validation.archs) == 3
    assert f'{table.latency(table.space.max) * 1e3:.3f} ms' in text
    assert f'median error {table.validation.median_error:.1%}' in text
    assert '/s, 0:00:00 left' in text

    before = out.read_bytes()
    code, text, _ = run(tmp_path / 'config.py', '--out', out, *QUICK)
    assert code == 0 and 'is there; remove it to measure again' in text
    assert '/s, ' not in text and out.read_bytes() == before
    code, _, errors = run(tmp_path / 'config.py', '--out', out, *QUICK, '--batch-size', 2)
    assert code == 2 and 'was measured under other conditions' in errors
    assert out.read_bytes() == before


def test_latency_of_a_named_space_goes_to_a_named_file(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, text, errors = run(
        'tinymb4to8', '--rounds', 1, '--validate', 0, '--input-size', 32, '--threads', 1
    )
    assert code == 0, errors
    [path] = (tmp_path / 'work_dirs' / 'latency').iterdir()
    assert path.name in text and 'median error' not in text
    table = LatencyTable.load(str(path), get_space('tinymb4to8'))
    assert table.conditions.input_size == (32, 32) and table.validation is None


def static(tmp_path):
    (tmp_path / 'static.py').write_text("model = dict(backbone=dict(type='SubnetResNet'))")
    return [tmp_path / 'static.py']


def no_backbone(tmp_path):
    (tmp_path / 'none.py').write_text("model = dict(type='DynamicMoCo')")
    return [tmp_path / 'none.py']


def unfit(tmp_path):
    (tmp_path / 'unfit.py').write_text(CONFIG.replace('in_channels=1', 'out_indices=3'))
    return [tmp_path / 'unfit.py']


def damaged(tmp_path):
    (tmp_path / 'table.json').write_text('{')
    return ['tiny10to22', '--out', tmp_path / 'table.json']


def unwritable(tmp_path):
    (tmp_path / 'file').write_text('')
    return ['tiny10to22', '--out', tmp_path / 'file' / 'table.json']


@pytest.mark.parametrize(
    'args, message',
    [
        (['ar50'], "space: 'ar50' is unknown"),
        (['nowhere.py'], 'nowhere.py does not exist'),
        (static, 'static.py is not a supernet; give the training config'),
        (no_backbone, 'none.py has no model.backbone; give the training config'),
        (unfit, 'out_indices: 3 is not a list of stages'),
        (['tiny10to22', '--input-size', 1, 2, 3], '--input-size: [1, 2, 3] is not a side'),
        (['tiny10to22', '--device', 'cuda:99'], "device: 'cuda:99' cannot be used"),
        (damaged, 'table.json is damaged'),
        (unwritable, 'file: File exists'),
    ],
)
def test_a_mistake_is_one_line(run, tmp_path, args, message):
    code, _, errors = run(*(args(tmp_path) if callable(args) else args))
    assert code == 2
    assert message in errors
    assert errors.startswith('error: ') and errors.count('\n') == 1
