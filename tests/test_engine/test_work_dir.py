import shutil

import pytest
import torch
from mmengine.config import Config
from torch.utils.data import TensorDataset

from gaia_ssl.engine.work_dir import SCHEDULE_HOOK, WorkDir
from gaia_ssl.utils import UserError

IMAGES = TensorDataset(torch.zeros(3))


@pytest.fixture
def open_dir(tmp_path):
    """``(config, work_dir)`` of a training that is begun or resumed in the work dir."""

    def call(option=None, images=IMAGES, folder='work', lr=0.1, **given):
        optimizer = dict(type='SGD', lr=lr) if isinstance(lr, float) else lr
        (tmp_path / folder).mkdir(exist_ok=True)
        config = dict(work_dir=str(tmp_path / folder), optim_wrapper=dict(optimizer=optimizer))
        config = Config({**config, **given})
        work_dir = WorkDir(config, option)
        work_dir.record(images)
        return config

    return call


@pytest.fixture
def resumed(open_dir):
    """``(resume, load_from)`` of a config after ``--resume``."""

    def call(option, **given):
        config = open_dir(option, **given)
        return config.resume, config.get('load_from')

    return call


def save(folder, name='epoch_1.pth'):
    folder.mkdir(exist_ok=True)
    torch.save({}, folder / name)
    return str(folder / name)


def test_with_nothing_to_resume_it_starts_as_the_config_says(resumed, tmp_path):
    assert resumed('auto', load_from='start.pth', resume=False) == (False, 'start.pth')
    assert resumed('auto') == (False, None)
    for option in ('auto', None):
        assert resumed(option, resume=True) == (False, None)
    named = save(tmp_path, 'named.pth')
    for option in ('auto', None):
        assert resumed(option, resume=True, load_from=named) == (True, named)


def test_what_was_trained_comes_before_what_it_started_from(resumed, tmp_path):
    latest = save(tmp_path / 'work')
    assert resumed('auto', load_from='start.pth', resume=False) == (True, latest)
    assert resumed('auto', load_from='start.pth', resume=True) == (True, latest)


@pytest.mark.parametrize('given', [{}, dict(load_from='start.pth'), dict(resume=False)])
def test_a_training_is_not_begun_over_another(open_dir, tmp_path, given):
    save(tmp_path / 'work')
    with pytest.raises(UserError, match='^work_dir: .*work holds a training already; give --resu'):
        open_dir(**given)


def test_the_checkpoint_to_resume_from_is_named(resumed, tmp_path):
    named = tmp_path / 'work/other.pth'
    with pytest.raises(UserError, match='^resume: .*other.pth does not exist'):
        resumed(str(named))
    save(tmp_path / 'work')
    save(tmp_path / 'work', 'other.pth')
    assert resumed(str(named), load_from='start.pth') == (True, str(named))
    assert resumed('https://host/net.pth', folder='empty') == (True, 'https://host/net.pth')
    message = f'^work_dir: .*work holds another training than {tmp_path}/o'
    with pytest.raises(UserError, match=message):
        resumed(save(tmp_path, 'outside.pth'))


def test_other_settings_need_the_checkpoint_s_name(open_dir, tmp_path):
    open_dir()
    latest = save(tmp_path / 'work')
    assert not open_dir('auto').get('custom_hooks')
    with pytest.raises(UserError) as refused:
        open_dir('auto', lr=0.2)
    text = 'optim_wrapper.optimizer.lr was 0.1 and is 0.2; give those, or another work_dir, or '
    assert f'{text}--resume {latest} ' in str(refused.value)
    assert open_dir(latest, lr=0.2).custom_hooks == [dict(type=SCHEDULE_HOOK)]
    assert open_dir('auto', lr=0.2).load_from == latest  # they are now those of the work dir
    message = '^optim_wrapper.optimizer.type: .*epoch_1.pth has the state of another optimizer'
    with pytest.raises(UserError, match=message):
        open_dir(latest, lr=dict(type='AdamW', lr=0.2))


def test_other_images_need_the_checkpoint_s_name(open_dir, tmp_path):
    open_dir()
    latest = save(tmp_path / 'work')
    others = TensorDataset(torch.zeros(4))
    with pytest.raises(UserError, match='work holds a training on other images: 3 then, 4 now'):
        open_dir('auto', others)
    open_dir(latest, others)
    open_dir('auto', others)


def test_a_copy_resumes_from_its_own_checkpoint(open_dir, tmp_path):
    open_dir()
    latest = save(tmp_path / 'work')
    (tmp_path / 'work/last_checkpoint').write_text(latest)
    shutil.copytree(tmp_path / 'work', tmp_path / 'copy')
    assert open_dir('auto', folder='copy').load_from == str(tmp_path / 'copy/epoch_1.pth')
