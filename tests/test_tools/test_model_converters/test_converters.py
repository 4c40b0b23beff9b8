"""tools/model_converters, run as a user runs them."""

import re
import runpy
import sys
from pathlib import Path

import pytest
import torch

from gaia_ssl.models.backbones import DynamicResNet, SubnetResNet

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


SMALL = "model = dict(backbone=dict(type='DynamicResNet', space='tiny10to22', stem='7x7'))"


@pytest.fixture
def network(tmp_path):
    """A ResNet of the tiny space, in ``network.pth`` and in files with something wrong."""
    (tmp_path / 'config.py').write_text(SMALL)
    whole = SubnetResNet(
        dict(stem_width=12, width=[16, 32, 64, 128], depth=[2, 2, 2, 2]), block='basic'
    ).state_dict()
    files = dict(
        network=whole,
        missing={k: v for k, v in whole.items() if k != 'layer4.1.bn2.bias'},
        extra=whole | {'layer4.1.se.weight': torch.ones(1)},
        infinite=whole | {'bn1.bias': torch.full((12,), torch.inf)},
        several={f'{net}.{k}': v for net in ('one', 'two') for k, v in whole.items()},
        other={'fc.weight': torch.ones(1)},
    )
    for name, weights in files.items():
        torch.save(weights, tmp_path / f'{name}.pth')
    (tmp_path / 'text.pth').write_text('weights')
    return whole


WARM = 'model_converters/network_to_supernet.py'


def test_a_network_to_a_supernet_that_extraction_takes(call, tmp_path, network):
    code, out, _ = call(WARM, 'network.pth', 'config.py', '--out', 'deep/supernet.pth')
    message = 'deep/supernet.pth written for config.py: MAX is larger and computes the same'
    assert (code, out) == (0, f'{message}\n')
    extraction = ['config.py', 'deep/supernet.pth', '--arch', 'R18', '--out', 'subnet']
    assert call('extract.py', *extraction)[0] == 0
    found = torch.load(tmp_path / 'subnet/backbone.pth', weights_only=True)['state_dict']
    for key, value in network.items():
        assert torch.equal(found[key].flatten().sort()[0], value.flatten().sort()[0]), key


@pytest.mark.parametrize(
    'file, message',
    [
        ('missing', 'checkpoint: missing.pth is not a plain .*1 missing .first: layer4.1.bn2.bias'),
        (
            'extra',
            'checkpoint: extra.pth is not a plain .* 1 unexpected .first: layer4.1.se.weight',
        ),
        ('infinite', 'checkpoint: infinite.pth has weights that are not finite .first: bn1.bias'),
        ('several', r'--prefix: several.pth holds several networks \(one., two.\); give one'),
        ('other', 'checkpoint: other.pth holds no ResNet, ResNeXt or MobileNetV2: none of layer1'),
        ('text', 'checkpoint: text.pth cannot be read'),
        ('none', 'checkpoint: none.pth does not exist'),
    ],
)
def test_networks_that_no_supernet_can_start_from(call, tmp_path, network, file, message):
    code, _, errors = call(WARM, f'{file}.pth', 'config.py', '--out', 'out.pth')
    assert code == 2 and re.match(f'error: {message}', errors), errors
    assert len(errors.splitlines()) == 1 and not (tmp_path / 'out.pth').exists()


def test_a_space_that_the_network_does_not_fit(call, tmp_path, network):
    space = ['--cfg-options', 'model.backbone.space=ax50to101']
    code, _, errors = call(WARM, 'network.pth', 'config.py', '--out', 'out.pth', *space)
    assert code == 2 and len(errors.splitlines()) == 1
    assert "does not fit into the largest subnet of 'ax50to101': its blocks are basic" in errors
    assert errors.endswith('; take ar18to34\n')


def test_a_network_under_a_prefix(call, tmp_path, network):
    args = ['several.pth', 'config.py', '--out', 'out.pth', '--prefix', 'two']
    assert call(WARM, *args)[0] == 0 and (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize(
    'tool, args, message',
    [
        ('subnet_to_mmpretrain', ['.', 'x.pth'], 'error: subnet: . holds no backbone.pth'),
        (
            'mmpretrain_to_subnet',
            ['no.pth', '--like', 'no', '--out', 'x'],
            'error: subnet: no holds no backbone.pth',
        ),
        (
            'keras_to_torchvision',
            ['no', '--out', 'x.pth'],
            'error: folder: no/model.json does not exist; give a folder with a model.json',
        ),
        ('gaia_to_supernet', ['no.py', 'no.pth', 'x.pth'], 'error: config: no.py does not exist'),
    ],
)
def test_bad_input(call, tmp_path, tool, args, message):
    code, _, errors = call(f'model_converters/{tool}.py', *args)
    assert code == 2 and errors.startswith(message) and len(errors.splitlines()) == 1
    assert not list(tmp_path.iterdir())
