import pytest
from mmengine.config import Config

from gaia_ssl.engine.sections import prepare_sections
from gaia_ssl.utils import UserError


def prepared(needed=(), **sections):
    config = Config(sections)
    prepare_sections(config, needed)
    return config


@pytest.mark.parametrize('workers', [{}, dict(num_workers=0), dict(num_workers=2)])
def test_settings_of_workers_need_workers(workers):
    of_workers = dict(persistent_workers=True, prefetch_factor=2, timeout=3)
    loader = dict(batch_size=2, **workers, **of_workers)
    trio = dict(val_cfg={}, val_evaluator={})
    config = prepared(val_dataloader=loader, **trio)
    kept = of_workers if workers.get('num_workers') else {}
    assert config.val_dataloader == dict(batch_size=2, **workers, **kept)


def test_hooks_that_are_none():
    hooks = dict(health=None, logger=None, timer=dict(type='IterTimerHook'))
    # MMEngine adds its own logger again unless it is None
    expected = dict(logger=None, timer=dict(type='IterTimerHook'))
    assert prepared(default_hooks=hooks).default_hooks == expected
    with pytest.raises(UserError, match='default_hooks.timr: there is no such .* mean timer?'):
        prepared(default_hooks=dict(timr=None))
    with pytest.raises(UserError, match='default_hooks.healt.type: missing; did you mean health?'):
        prepared(default_hooks=dict(health=dict(type='A'), healt=dict(interval=3)))
    with pytest.raises(UserError, match='default_hooks.own.type: missing; give it'):
        prepared(default_hooks=dict(own=dict(interval=3)))


def test_what_is_none_is_left_out():
    config = prepared(env_cfg=None, randomness=None, custom_hooks=None, resume=None)
    assert not {'env_cfg', 'randomness', 'custom_hooks'} & set(config)


@pytest.mark.parametrize(
    'sections, message',
    [
        (dict(resume='x'), 'resume: .* has no bool there'),
        (dict(custom_hooks=['x']), 'custom_hooks.0: .* has no dict'),
        (dict(param_scheduler=[3]), 'param_scheduler.0: .* has no dict'),
        (dict(param_scheduler=3), 'param_scheduler: .* has no list'),
        (dict(val_cfg={}), 'val_dataloader: missing; give all of val_dataloader, val_cfg, val_ev'),
        (dict(env_cfg=dict(seed=3)), 'env_cfg.seed: unknown setting; env_cfg may have cudnn'),
        (dict(test_dataloader=dict(sampler=3)), 'test_dataloader.sampler: .* has no dict'),
    ],
)
def test_what_does_not_fit(sections, message):
    with pytest.raises(UserError, match=f'^{message}'):
        prepared(**sections)


def test_what_is_needed():
    with pytest.raises(UserError, match='^test_cfg: missing from .*; this command needs it'):
        prepared(['model', 'test_cfg'], model={})
