"""The random twin of an extracted subnet."""

import os
import shutil

import pytest
import torch

from gaia_ssl.benchmark.quickstart.plan import SUPERNET
from gaia_ssl.benchmark.quickstart.random_subnet import random_checkpoint
from gaia_ssl.export.calibrate import CalibrationImages
from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import load_config
from gaia_ssl.utils.paths import TOOLS

EXTRACTED = 'backbone.pth'


def load(folder):
    return torch.load(folder / EXTRACTED, weights_only=True)


@pytest.fixture(scope='module')
def made(command, extracted, tmp_path_factory):
    """What the command makes."""
    out = tmp_path_factory.mktemp('random') / 'subnet'
    tool = TOOLS / 'quickstart/random_subnet.py'
    command(tool, extracted, '--seed', 1, '--out', out).check_returncode()
    return out


def test_only_the_checkpoint_differs(extracted, made):
    assert sorted(os.listdir(made)) == sorted(os.listdir(extracted))
    for path in extracted.glob('*.*'):
        if path.name != EXTRACTED:
            assert (made / path.name).read_bytes() == path.read_bytes()
    given, random = load(extracted), load(made)
    assert random['meta']['source'] == dict(random_seed=1)
    changed = {k for k in given['meta'] if given['meta'][k] != random['meta'][k]}
    assert changed == {'source'}
    for key, value in given['state_dict'].items():
        other = random['state_dict'][key]
        assert other.shape == value.shape
        if 'conv' in key:
            assert not torch.equal(other, value)


def build(meta):
    """The backbone that a checkpoint is of."""
    options = {k: v for k, v in meta['family'].items() if k != 'type'}
    return MODELS.build(dict(type='SubnetResNet', arch=meta['arch'], **options))


def test_it_loads_where_the_subnet_does(extracted, made):
    build(load(extracted)['meta']).load_state_dict(load(made)['state_dict'])


def test_batch_norms_are_those_of_the_random_weights_on_the_same_images(extracted, made):
    """On the images together, the first norm's output is standardised."""
    content = load(made)
    assert content['meta']['calibration']['images'] == 8
    (x,) = CalibrationImages(load_config(str(SUPERNET)), str(extracted.parent / 'images'), 64)
    backbone = build(content['meta'])
    backbone.load_state_dict(content['state_dict'])
    seen = []
    # cloned: the activation that follows works in place
    backbone.bn1.register_forward_hook(lambda module, args, out: seen.append(out.clone()))
    with torch.no_grad():
        backbone.eval()(x)
    assert seen[0].mean((0, 2, 3)).abs().max() < 1e-2
    assert (seen[0].std((0, 2, 3)) - 1).abs().max() < 1e-2


def test_the_seed_decides(extracted, made):
    again, other = (random_checkpoint(extracted, seed)['state_dict'] for seed in (1, 2))
    given = load(made)['state_dict']
    assert all(torch.equal(again[key], value) for key, value in given.items())
    assert not torch.equal(other['conv1.weight'], given['conv1.weight'])


def test_a_subnet_that_is_not_calibrated(extracted, tmp_path):
    plain = tmp_path / 'plain'
    shutil.copytree(extracted, plain)
    content = load(plain)
    content['meta']['calibration'] = None
    torch.save(content, plain / EXTRACTED)
    with pytest.raises(UserError, match='is not calibrated; extract it with --calibrate'):
        random_checkpoint(plain, 0)
