import pytest
from mmengine.config import Config

from gaia_ssl.engine.train import WRAPPER, prepare_config
from gaia_ssl.utils import UserError


@pytest.fixture
def prepare(tmp_path):
    """Prepares a small config with some sections changed, or left out where they are ``...``."""
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / 'a.jpg').touch()
    loader = dict(dataset=dict(type='ImageNet', data_root=str(tmp_path / 'images')), sampler={})

    def call(scale_lr=False, **changes):
        sections = dict(model={}, train_dataloader=loader, train_cfg={}, optim_wrapper={})
        sections = {k: v for k, v in {**sections, **changes}.items() if v is not ...}
        options = dict(work_dir=str(tmp_path / 'work'), auto_scale_lr=scale_lr)
        return prepare_config(Config(sections), 'name.py', **options)

    return call


@pytest.mark.parametrize('section', ['model', 'train_dataloader', 'train_cfg', 'optim_wrapper'])
@pytest.mark.parametrize(
    'given, message', [(..., 'missing from'), (None, 'missing from'), (3, 'has no dict there')]
)
def test_a_section_that_is_needed(prepare, tmp_path, section, given, message):
    with pytest.raises(UserError, match=f'^{section}: .*{message}'):
        prepare(**{section: given})
    assert not (tmp_path / 'work').exists()


def test_hooks_are_a_list(prepare):
    with pytest.raises(UserError, match='^custom_hooks: .* has no list there'):
        prepare(custom_hooks=dict(type='EMAHook'))


def test_none_is_as_good_as_nothing(prepare):
    config = prepare(custom_hooks=None, model_wrapper_cfg=None)
    assert config.model_wrapper_cfg.type == WRAPPER


def test_no_batch_size_to_scale_the_learning_rate_from(prepare):
    with pytest.raises(UserError, match='auto_scale_lr.base_batch_size: missing'):
        prepare(scale_lr=True, auto_scale_lr=None)


@pytest.mark.parametrize('name', [WRAPPER, 'SupernetDistributedDataParallel'])
def test_the_wrapper_by_its_names(prepare, name):
    given = dict(type=name, broadcast_buffers=False)
    expected = dict(type=WRAPPER, broadcast_buffers=False)
    assert prepare(model_wrapper_cfg=given).model_wrapper_cfg == expected


def test_another_wrapper(prepare):
    with pytest.raises(UserError, match="type: 'MMDistr.*' would train MAX alone"):
        prepare(model_wrapper_cfg=dict(type='MMDistributedDataParallel'))


@pytest.mark.parametrize('epochs, expected', [(2, [0, 0]), (10, [0, 0]), (11, [0, 10, 0])])
def test_a_training_may_end_in_warm_up(prepare, epochs, expected):
    warm_up, cosine = dict(type='LinearLR', end=10), dict(type='CosineAnnealingLR', begin=10)
    by_iteration = dict(type='LinearLR', by_epoch=False)
    given = [warm_up, cosine, by_iteration]
    config = prepare(param_scheduler=given, train_cfg=dict(max_epochs=epochs))
    assert [scheduler.get('begin', 0) for scheduler in config.param_scheduler] == expected
