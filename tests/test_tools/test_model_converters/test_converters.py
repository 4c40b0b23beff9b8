"""tools/model_converters, run as a user runs them."""

import runpy
import sys
from pathlib import Path

import pytest
import torch

from gaia_ssl.models.backbones import DynamicResNet

TOOLS = Path(__file__).resolve().parents[3] / 'tools'
CONFIG = "model = dict(backbone=dict(type='DynamicResNet', space='tiny10to22'))"


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run a tool in this process: (exit code, stdout, stderr)."""

    def call(tool, *args):
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, args)])
        monkeypatch.chdir(tmp_path)
        try:
            runpy.run_path(str(TOOLS / tool), run_name='__main__')
            code = 0
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


def test_a_subnet_to_mmpretrain_and_back(call, tmp_path):
    (tmp_path / 'config.py').write_text(CONFIG)
    weights = {f'backbone.{k}': v for k, v in DynamicResNet('tiny10to22').state_dict().items()}
    torch.save(dict(state_dict=weights), tmp_path / 'epoch_1.pth')
    extraction = ['config.py', 'epoch_1.pth', '--arch', 'MIN', '--out', 'subnet']
    assert call('extract.py', *extraction)[0] == 0
    tool = 'model_converters/subnet_to_mmpretrain.py'
    assert call(tool, 'subnet', 'model.pth')[:2] == (0, 'model.pth written\n')
    tool = 'model_converters/mmpretrain_to_subnet.py'
    back = [tool, 'model.pth', '--like', 'subnet', '--out', 'back']
    assert call(*back)[:2] == (0, 'back written\n')
    code, _, errors = call(*back)
    assert code == 2 and errors.startswith('error: --out: ') and '--overwrite' in errors
    assert call(*back, '--overwrite')[0] == 0


@pytest.mark.parametrize(
    'tool, args, message',
    [
        ('subnet_to_mmpretrain', ['.', 'x.pth'], 'error: subnet: . holds no backbone.pth'),
        (
            'mmpretrain_to_subnet',
            ['no.pth', '--like', 'no', '--out', 'x'],
            'error: subnet: no holds no backbone.pth',
        ),
        ('gaia_to_supernet', ['no.py', 'no.pth', 'x.pth'], 'error: config: no.py does not exist'),
    ],
)
def test_bad_input(call, tmp_path, tool, args, message):
    code, _, errors = call(f'model_converters/{tool}.py', *args)
    assert code == 2 and errors.startswith(message) and len(errors.splitlines()) == 1
    assert not list(tmp_path.iterdir())
