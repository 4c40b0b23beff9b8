"""A subnet as configs know it, read from its folder."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gaia_ssl.downstream import Subnet
from gaia_ssl.downstream.subnet import standing_in
from gaia_ssl.registry import MODELS
from gaia_ssl.space import get_space
from gaia_ssl.space.families import Family
from gaia_ssl.utils import UserError

TINY = get_space('tiny10to22')
OPTIONS = "block='bottleneck', style='caffe', group_widths=(2, 4, 8, 16)"


def test_is_what_was_extracted(extracted):
    folder = extracted('MIN', options=OPTIONS)
    subnet = Subnet.load(str(folder))
    assert (subnet.type, subnet.arch) == ('SubnetResNet', TINY.min)
    options = dict(block='bottleneck', style='caffe', group_widths=(2, 4, 8, 16))
    assert subnet.family == TINY.with_options(**options).family
    assert subnet.normalisation.mean == [120.0, 110.0, 100.0] and subnet.normalisation.to_rgb
    assert subnet.preprocessing('to_rgb')['to_rgb'] is True


def test_its_backbone_has_the_weights_and_the_shapes(extracted):
    folder = extracted()
    subnet = Subnet.load(str(folder))
    options = subnet.backbone(sync_norms=False)
    assert options.pop('_delete_') and options['frozen_stages'] == -1 and not options['norm_eval']
    net = MODELS.build(options)
    net.init_weights()
    weights = torch.load(folder / 'backbone.pth', weights_only=True)['state_dict']
    assert all(torch.equal(value, weights[key]) for key, value in net.state_dict().items())
    outs = net(torch.randn(1, 3, 256, 256))
    assert subnet.channels == [out.size(1) for out in outs]
    assert subnet.strides == [256 // out.size(2) for out in outs] == [4, 8, 16, 32]
    assert subnet.fpn_strides() == [4, 8, 16, 32, 64]
    assert subnet.fpn_strides(start=1, extra=2) == [8, 16, 32, 64, 128]


def test_a_folder_of_something_else(tmp_path):
    with pytest.raises(UserError, match='subnet: .* holds no backbone.pth; name a folder that'):
        Subnet.load(str(tmp_path))
    torch.save(dict(state_dict={}), tmp_path / 'backbone.pth')
    with pytest.raises(UserError, match='backbone.pth was not written by tools/extract.py'):
        Subnet.load(str(tmp_path))


@pytest.mark.parametrize('kept', [0.0, 0.5, 0.99])
def test_a_truncated_checkpoint(tmp_path, extracted, kept):
    content = (extracted() / 'backbone.pth').read_bytes()
    (tmp_path / 'backbone.pth').write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UserError, match='backbone.pth cannot be read .*; it may be truncated') as e:
        Subnet.load(str(tmp_path))
    assert '\n' not in str(e.value)


def test_a_file_that_would_run_code_is_not_opened(tmp_path):
    torch.save(dict(meta=Path('x')), tmp_path / 'backbone.pth', pickle_module=pickle)
    with pytest.raises(UserError, match='backbone.pth holds pathlib.*Path, which'):
        Subnet.load(str(tmp_path))


def test_a_family_without_dilation_says_so():
    with pytest.raises(UserError, match='backbone: a ResNetFamily cannot dilate to output stride'):
        Family.dilated(TINY.family, 8)


def test_another_subnet_stands_in_for_any_folder(extracted):
    subnet = Subnet.load(str(extracted()))
    with standing_in(subnet):
        assert Subnet.load('nowhere') is subnet
    with pytest.raises(UserError, match='subnet: nowhere holds no backbone.pth'):
        Subnet.load('nowhere')


def modules_after(statement):
    """The modules that a fresh interpreter has loaded after a statement."""
    done = subprocess.run(
        [sys.executable, '-c', f'import sys; {statement}; print(*sys.modules)'],
        env=dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2])),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_a_config_loads_only_what_sizes_it():
    rooms = {
        name.split('.')[1]
        for name in modules_after('from gaia_ssl.downstream import Subnet')
        if name.startswith('gaia_ssl.')
    }
    assert rooms == {'downstream', 'space', 'utils', 'version'}


@pytest.mark.slow
def test_extraction_needs_neither_the_search_nor_the_projects():
    loaded = modules_after('from gaia_ssl.export import Subnet')
    assert not [name for name in loaded if name.startswith('gaia_ssl.search')]
    assert {'mmdet', 'mmpretrain', 'mmseg'}.isdisjoint(loaded)
