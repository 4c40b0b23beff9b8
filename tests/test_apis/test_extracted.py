"""Extracted folders as modules."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gaia_ssl.apis import load_subnet, pretraining_config
from gaia_ssl.models.backbones import SubnetResNet
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

SPACE = get_space('tiny10to22')
R18 = SPACE.anchors['R18']


def test_is_the_subnet_with_its_weights(folder):
    net = load_subnet(folder)
    content = torch.load(f'{folder}/backbone.pth', weights_only=True)
    assert type(net) is SubnetResNet and net.arch == R18 and not net.training
    plain = SubnetResNet(arch=R18, **vars(SPACE.family), out_indices=(0, 1, 2, 3)).eval()
    plain.load_state_dict(content['state_dict'])
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert all(torch.equal(a, b) for a, b in zip(net(x), plain(x), strict=True))
        [last] = load_subnet(folder, out_indices=(3,))(x)
    assert torch.equal(last, plain(x)[-1])


def test_its_config_has_the_pretrainings_preprocessing(folder):
    config = pretraining_config(folder)
    options = config.model.data_preprocessor
    assert options == dict(mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 55.0], to_rgb=True)
    assert config.search.input_size == 64


def test_refuses_what_is_no_extracted_folder(tmp_path):
    with pytest.raises(UserError, match=f'subnet: {tmp_path} holds no backbone.pth'):
        load_subnet(str(tmp_path))


def test_refuses_weights_of_another_arch(folder, tmp_path):
    content = torch.load(f'{folder}/backbone.pth', weights_only=True)
    content['meta']['arch'] = dict(R18, depth=[2, 2, 2, 1])
    torch.save(content, tmp_path / 'backbone.pth')
    with pytest.raises(UserError, match='backbone.pth is not of the arch .* 12 unexpected'):
        load_subnet(str(tmp_path))
    torch.save(dict(meta=content['meta']), tmp_path / 'backbone.pth')
    with pytest.raises(UserError, match='backbone.pth is not .* 1 unexpected .first: meta'):
        load_subnet(str(tmp_path))


def test_refuses_a_truncated_file(folder, tmp_path):
    shutil.copytree(folder, tmp_path / 'subnet')
    path = tmp_path / 'subnet' / 'backbone.pth'
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match='backbone.pth cannot be read'):
        load_subnet(str(tmp_path / 'subnet'))


@pytest.mark.slow
def test_loading_needs_none_of_the_projects(folder):
    code = (
        f'import sys; from gaia_ssl.apis import load_subnet; load_subnet({folder!r}); '
        "print({'mmdet', 'mmpretrain', 'mmseg'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        env=dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2])),
        capture_output=True,
        text=True,
    )
    assert done.stdout == 'set()\n', done.stderr
