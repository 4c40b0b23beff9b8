import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gaia_ssl.engine import SubnetHealthHook
from gaia_ssl.engine.hooks.health_hook import health_archs, relative_std
from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.scalars import read_series

KINDS = ('std', 'rank')
LABELS = ('max', 'min', 'random')
HEALTH = dict(type='SubnetHealthHook', interval=2, num_images=6)


def test_relative_std_is_one_on_the_sphere_and_zero_at_a_point():
    generator = torch.Generator().manual_seed(0)
    sphere = F.normalize(torch.randn(20000, 32, generator=generator), dim=1)
    assert relative_std(sphere) == pytest.approx(1, abs=0.01)
    assert relative_std(sphere[:1].expand(50, -1)) == pytest.approx(0, abs=1e-6)


def test_random_subnet_follows_from_the_iteration():
    space = MODELS.build(dict(type='DynamicResNet', space='tiny10to22')).space
    drawn = [health_archs(space, i) for i in range(20)]
    assert drawn == [health_archs(space, i) for i in range(20)]
    assert len({str(archs['random']) for archs in drawn}) > 10
    assert all(a['max'] == space.max and a['min'] == space.min for a in drawn)


def test_training_is_the_same_with_the_hook(training):
    weights = []
    for name, hooks in dict(without=[], with_=[dict(HEALTH, interval=1)]).items():
        runner = training.runner(training.dir / name, hooks)
        runner.train()
        weights.append(runner.model.state_dict())
        assert runner.model.backbone.arch == runner.model.backbone.space.max
        assert runner.model.backbone.training and runner.model.neck.training
        weights[-1]['generator'] = torch.get_rng_state()
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]), key


def test_values_are_those_of_the_subnets_alone(training):
    """Oracle: a copy in training mode, whose norms use the batch, run by hand at each arch."""
    seen = {}

    class Keep(SubnetHealthHook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            seen['batch'], seen['model'] = copy.deepcopy(data_batch), copy.deepcopy(runner.model)
            super().after_train_iter(runner, batch_idx, data_batch, outputs)

    runner = training.runner(training.dir, [], epochs=1)
    runner.register_hook(Keep(interval=1, num_images=6))
    runner.train()
    model, views = seen['model'].train(), seen['batch']['inputs']
    images = (views[0][:6] - 127.5) / 64
    for label, arch in health_archs(model.backbone.space, 2).items():
        model.backbone.set_arch(arch)
        with torch.no_grad():
            z = F.normalize(model.neck(model.backbone(images))[0], dim=1).double().numpy()
        std = z.std(0).mean() * math.sqrt(z.shape[1])
        values = np.linalg.svd(z, compute_uv=False)
        entropy = -sum(v * math.log(v) for v in values / values.sum())
        logged = {
            kind: runner.message_hub.get_scalar(f'health/embed_{kind}_{label}').current()
            for kind in ('std', 'rank')
        }
        assert logged['std'] == pytest.approx(std, rel=1e-4)
        assert logged['rank'] == pytest.approx(math.exp(entropy), rel=1e-4)


def test_every_method_has_embeddings(training, method):
    runner = training.runner(training.dir, [HEALTH], epochs=1, method=method)
    runner.train()
    for label in ('max', 'min', 'random'):
        std = runner.message_hub.get_scalar(f'health/embed_std_{label}').current()
        rank = runner.message_hub.get_scalar(f'health/embed_rank_{label}').current()
        assert 0 < std <= 1 and 1 <= rank <= 6


def test_values_are_in_the_log_when_they_are_measured_and_not_again(training):
    runner = training.runner(training.dir, [HEALTH])  # of six iterations every second
    runner.train()
    log = next(training.dir.glob('*/*.log')).read_text()
    series = read_series(training.dir)
    assert [step for step, _ in series['loss']] == [1, 2, 3, 4, 5, 6]
    for name in (f'embed_{kind}_{label}' for kind in KINDS for label in LABELS):
        history = runner.message_hub.get_scalar(f'health/{name}').data[0]
        assert series[name] == list(zip([2, 4, 6], history))
        assert log.count(f'{name}: ') == 3 and f'{name}: {history[-1]:.4f}' in log


def test_values_are_in_tensorboard(training):
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    backends = [dict(type='TensorboardVisBackend')]
    training.runner(
        training.dir, [HEALTH], visualizer=dict(type='Visualizer', vis_backends=backends)
    ).train()
    events = EventAccumulator(str(next(training.dir.glob('*/vis_data'))))
    events.Reload()
    tags = events.Tags()['scalars']
    assert {'loss_max', 'loss_min', 'embed_std_min', 'embed_rank_random'} <= set(tags)


@pytest.mark.parametrize('field, value', [('interval', 0), ('num_images', 1)])
def test_refuses_numbers_that_are_too_small(field, value):
    with pytest.raises(UserError, match=f'SubnetHealthHook.{field}: '):
        SubnetHealthHook(**{field: value})
