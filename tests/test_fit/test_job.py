"""The configs of a fit; the whole of it is run by the tests of tools/fit.py."""

import json

import pytest
from mmengine.config import Config

from gaia_ssl.benchmark.stages import Records, StageError
from gaia_ssl.fit.job import Fit
from gaia_ssl.fit.plan import Plan
from gaia_ssl.fit.request import Request
from gaia_ssl.utils import UserError

from .conftest import write_images


@pytest.fixture
def fit(images, tmp_path, monkeypatch):
    for name in ('IMAGES', 'SIDE'):  # to be restored
        monkeypatch.setenv(f'GAIA_SSL_{name}', '')
    options = {'optim_wrapper.optimizer.lr': 0.5}
    return Fit(Request(str(images), str(tmp_path), seed=3, options=options))


def test_config_is_fitted_to_the_images(fit):
    config = fit.config
    assert (config.search.input_size, config.randomness.seed) == (32, 3)
    # a quarter of the images, and half of them in the queue
    assert config.train_dataloader.batch_size == 12 and config.model.queue_len == 24
    assert config.optim_wrapper.optimizer.lr == 0.5
    config.dump(fit.stages.config)
    assert Config.fromfile(fit.stages.config).model == config.model


def test_a_few_iterations_are_timed(fit):
    config, timed = fit.config, fit._timed()
    assert timed.train_cfg == dict(type='IterBasedTrainLoop', max_iters=20)
    assert timed.train_dataloader.dataset.indices == 48
    assert timed.custom_hooks[-1].type == 'StopwatchHook'
    assert 'gaia_ssl.benchmark.stopwatch' in timed.custom_imports.imports
    # the training's own config stays as it is
    assert config.train_cfg.type == 'EpochBasedTrainLoop' and 'custom_hooks' not in config


def test_seconds_to_begin(fit, tmp_path):
    Records(tmp_path)['timing'] = dict(start=100.0, end=130.0, attempts=1)
    times = dict(wall_setup=5.0, wall_iteration=0.5, iterations=20)
    assert fit._command(times) == pytest.approx(15)
    assert fit._command(times | dict(wall_setup=50.0)) == 1


def test_a_plan_is_made_once(fit, tmp_path):
    plan = Plan('', {}, 32, 1, 6, 100, {}, {}, 0, 30)
    (tmp_path / 'plan.json').write_text(json.dumps(plan.to_dict()))
    assert fit.plan() == plan


def test_a_plan_that_cannot_be_measured_leaves_none(fit, tmp_path, monkeypatch):
    def fail(self):
        raise StageError('stage timing failed')

    monkeypatch.setattr('gaia_ssl.fit.job.Pipeline.run', fail)
    with pytest.raises(StageError):
        fit.plan()
    assert not (tmp_path / 'plan.json').exists()


def test_too_few_images(tmp_path):
    write_images(tmp_path / 'images', 5)
    with pytest.raises(UserError, match='5 in .* are too few; give 32 or more'):
        Fit(Request(str(tmp_path / 'images'), str(tmp_path / 'fit')))
    assert not (tmp_path / 'fit').exists()
