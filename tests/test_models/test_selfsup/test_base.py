import copy

import pytest
import torch
from mmengine.optim import OptimWrapper

from gaia_ssl.utils import UserError

UNIFORM = dict(type='UniformSampler', num=3)
SANDWICH = dict(type='SandwichSampler', num_random=2)


@pytest.mark.parametrize('arch_sampler', [SANDWICH, UNIFORM], ids=['sandwich', 'uniform'])
@pytest.mark.parametrize('iteration', [0, 7])
def test_gradient_is_mean_of_subnets(ssl, arch_sampler, iteration):
    model = ssl.build(arch_sampler=arch_sampler)
    plain = copy.deepcopy(model)
    ssl.at_iteration(iteration)

    torch.manual_seed(1)  # the order in which keys are shuffled
    model.train_step(ssl.batch(0), ssl.keep_gradients(model))
    torch.manual_seed(1)
    expected = ssl.gradients_one_by_one(plain, ssl.batch(0), iteration)

    found = ssl.gradients(model)
    assert found.keys() == expected.keys()
    for key, grad in expected.items():
        torch.testing.assert_close(found[key], grad, rtol=1e-5, atol=1e-7)


def test_max_gives_every_parameter_a_gradient(ssl):
    model = ssl.build()
    model.train_step(ssl.batch(0), ssl.keep_gradients(model))
    trained = {k for k, p in model.named_parameters() if p.requires_grad}
    assert ssl.gradients(model).keys() == trained


def test_log_has_mean_and_anchors(ssl):
    model = ssl.build(arch_sampler=SANDWICH)
    log = model.train_step(ssl.batch(0), ssl.wrap(model))
    assert set(log) == {'loss', 'loss_min', 'loss_subnet1', 'loss_subnet2', 'loss_max'}
    parts = [value for key, value in log.items() if key != 'loss']
    torch.testing.assert_close(log['loss'], torch.stack(parts).mean())


def test_mean_counts_an_arch_as_often_as_it_was_drawn(ssl, monkeypatch):
    model = ssl.build()
    space = model.backbone.space
    drawn = [space.max, space.min, space.max]
    monkeypatch.setattr(model.arch_sampler, 'sample', lambda *_: drawn)
    log = model.train_step(ssl.batch(0), ssl.wrap(model))
    expected = (2 * log['loss_max'] + log['loss_min']) / 3
    torch.testing.assert_close(log['loss'], expected)


def test_archs_depend_on_seed_and_iteration_alone(ssl, monkeypatch):
    def archs_run(model, iteration):
        run = []
        set_arch = type(model.backbone).set_arch

        def spy(arch):
            run.append(arch)
            set_arch(model.backbone, arch)

        monkeypatch.setattr(model.backbone, 'set_arch', spy)
        ssl.at_iteration(iteration)
        model.train_step(ssl.batch(0), ssl.wrap(model))
        return run

    first, resumed = ssl.build(arch_sampler=UNIFORM), ssl.build(arch_sampler=UNIFORM)
    history = [archs_run(first, i) for i in range(3)]
    assert archs_run(resumed, 2) == history[2]
    assert history[0] != history[1]


def test_model_is_at_max_after_an_iteration(ssl):
    model = ssl.build(arch_sampler=UNIFORM)
    model.train_step(ssl.batch(0), ssl.wrap(model))
    assert model.backbone.arch == model.backbone.space.max


def test_accumulation_counts_iterations(ssl):
    """Two iterations of half a batch step once, by the mean of their gradients."""
    model = ssl.build()
    before = copy.deepcopy(model.state_dict())
    wrapper = ssl.wrap(model, accumulative_counts=2)
    wrapper.initialize_count_status(model, 0, 4)
    trained = [k for k, p in model.named_parameters() if p.requires_grad]

    model.train_step(ssl.batch(0), wrapper)
    assert all(torch.equal(before[k], model.state_dict()[k]) for k in trained)
    assert not wrapper.should_update()
    model.train_step(ssl.batch(1), wrapper)
    assert not any(torch.equal(before[k], model.state_dict()[k]) for k in trained if 'conv' in k)
    assert wrapper.should_update()


def test_clipping_bounds_the_mean_gradient(ssl):
    model = ssl.build()
    wrapper = OptimWrapper(
        torch.optim.SGD(model.parameters(), lr=1.0), clip_grad=dict(max_norm=1e-3)
    )
    before = {k: p.detach().clone() for k, p in model.named_parameters() if p.requires_grad}
    model.train_step(ssl.batch(0), wrapper)
    steps = [p - before[k] for k, p in model.named_parameters() if p.requires_grad]
    norm = torch.cat([s.flatten() for s in steps]).norm()
    torch.testing.assert_close(norm.detach(), torch.tensor(1e-3), rtol=1e-2, atol=0)


@pytest.mark.parametrize('plain', [False, True])
@pytest.mark.parametrize('processes', [1, 2])
@pytest.mark.parametrize('sizes', [[8], [8, 4], [8, 2], [2, 1], [1]])
def test_batches_of_a_training(ssl, monkeypatch, sizes, processes, plain):
    """A plain batch norm normalises the embeddings of its process alone."""
    monkeypatch.setattr('gaia_ssl.models.selfsup.base.get_world_size', lambda: processes)
    model = ssl.build('SimSiam')  # its batch norms are synchronised
    if plain:
        model.head.norm = torch.nn.BatchNorm1d(8)
    least = 2 * processes if plain else 2
    if min(sizes) >= least:
        model.check_batches(sizes)
        return
    field = 'batch_size' if sizes[0] < least else 'drop_last'
    with pytest.raises(UserError, match=f'^train_dataloader.{field}: .* has one image'):
        model.check_batches(sizes)
