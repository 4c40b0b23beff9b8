"""The parts of an iteration with a teacher make the whole."""

import copy

import pytest
import torch

from gaia_ssl.benchmark import iterations
from gaia_ssl.benchmark.taught import TaughtIteration, build_taught
from gaia_ssl.space import get_space

SPACE = get_space('tiny10to22')


@pytest.mark.parametrize('cached', [False, True])
def test_targets_that_are_given_train_as_the_teachers_own(cached):
    torch.manual_seed(0)
    taught = build_taught(SPACE, 4, cached=cached)
    data = iterations.make_batch(4, 32, torch.device('cpu'))
    archs = [SPACE.min, SPACE.max]
    calls, found = [], []
    taught.encoder.teacher.network.register_forward_hook(lambda *args: calls.append(args))
    for name in ('whole', 'students'):
        model = copy.deepcopy(taught)
        iteration = TaughtIteration(model, data, iterations.build_optim_wrapper(model))
        calls.clear()
        getattr(iteration, name)(archs)
        own = int(name == 'whole' and not cached)
        assert len(calls) == own
        assert int(model.queue_ptr) == 4
        assert 'targets' not in vars(model)
        found.append(model.state_dict())
        iteration.teacher_pass(archs)
        assert len(calls) == 1 + own
    for key, value in found[0].items():
        assert torch.equal(value, found[1][key]), key
