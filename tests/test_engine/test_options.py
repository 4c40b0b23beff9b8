import pytest
import torch
from mmengine.config import Config

from gaia_ssl.engine.options import merge_options
from gaia_ssl.utils import UserError


@pytest.fixture
def resumed(tmp_path):
    """``(resume, load_from)`` of a config after ``--resume``."""

    def call(option, **given):
        config = Config(dict(optim_wrapper={}, **given))
        merge_options(config, 'name', work_dir=str(tmp_path), resume=option)
        return config.get('resume'), config.get('load_from')

    return call


def test_with_nothing_to_resume_it_starts_as_the_config_says(resumed):
    assert resumed('auto', load_from='start.pth', resume=False) == (False, 'start.pth')
    assert resumed('auto') == (None, None)
    for option in ('auto', None):
        assert resumed(option, resume=True) == (False, None)
    assert resumed(None, resume=True, load_from='named.pth') == (True, 'named.pth')


def test_what_was_trained_comes_before_what_it_started_from(resumed, tmp_path):
    latest = str(tmp_path / 'epoch_1.pth')
    torch.save({}, latest)
    assert resumed('auto', load_from='start.pth', resume=False) == (True, latest)
    assert resumed(None, resume=True) == (True, latest)
    assert resumed(None, load_from='start.pth') == (None, 'start.pth')


def test_the_checkpoint_to_resume_from_is_named(resumed, tmp_path):
    torch.save({}, tmp_path / 'epoch_1.pth')
    named = str(tmp_path / 'other.pth')
    with pytest.raises(UserError, match='^resume: .*other.pth does not exist'):
        resumed(named)
    torch.save({}, named)
    assert resumed(named, load_from='start.pth') == (True, named)
