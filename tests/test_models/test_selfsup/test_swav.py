import copy

import torch


def test_queue_takes_maxs_embeddings_once_newest_first(ssl):
    model = ssl.build('SwAV', queue_len=10)
    for iteration in range(3):
        ssl.at_iteration(iteration)
        batch = ssl.batch(iteration, 'SwAV')
        plain = copy.deepcopy(model)
        data = plain.data_preprocessor(copy.deepcopy(batch), training=True)
        z = [plain.neck([plain.backbone(view)]) for view in data['inputs'][:2]]
        # crops of one size are normalised together
        joined = plain.neck([plain.backbone(torch.cat(data['inputs'][:2]))])
        assert not torch.equal(torch.cat(z), joined)
        before = model.queue.clone()
        model.train_step(batch, ssl.wrap(model))
        assert torch.equal(model.queue[:, 4:], before[:, :-4])
        assert model.queue[:, :4].norm(dim=2).allclose(torch.ones(2, 4))
    assert model.queue[:, -1].any()  # full


def test_queue_is_used_once_it_is_full_and_due(ssl):
    model = ssl.build('SwAV', queue_len=8, queue_start=3)
    used = []
    for iteration in range(5):
        ssl.at_iteration(iteration)
        model.train_step(ssl.batch(iteration, 'SwAV'), ssl.wrap(model))
        used.append(model.head.loss_module.queue is not None)
    assert used == [False, False, False, True, True]
    early = ssl.build('SwAV', queue_len=8)
    for iteration, expected in enumerate([False, False, True]):
        ssl.at_iteration(iteration)
        early.train_step(ssl.batch(iteration, 'SwAV'), ssl.wrap(early))
        assert (early.head.loss_module.queue is not None) == expected


def test_prototypes_stay_while_frozen(ssl):
    model = ssl.build('SwAV', freeze_iters=2)
    prototypes = model.head.loss_module.prototypes.weight
    directions = []
    for iteration in range(4):
        ssl.at_iteration(iteration)
        model.train_step(ssl.batch(iteration, 'SwAV'), ssl.wrap(model))
        directions.append(torch.nn.functional.normalize(prototypes.detach(), dim=1))
    torch.testing.assert_close(directions[0], directions[1])
    assert not torch.allclose(directions[1], directions[2], atol=1e-5)


def test_a_loss_that_is_only_asked_for_leaves_the_queue_to_the_trained(ssl):
    """Samplers may look at losses before the iteration's passes."""
    sampler = dict(type='UniformSampler', num=1)
    asked, plain = (ssl.build('SwAV', queue_len=8, arch_sampler=sampler) for _ in range(2))
    draw = asked.arch_sampler.sample

    def sample(space, iteration, loss_of, progress):
        assert loss_of(space.min) > 0
        return draw(space, iteration)

    asked.arch_sampler.sample = sample
    for model in (asked, plain):
        model.train_step(ssl.batch(0, 'SwAV'), ssl.wrap(model))
    torch.testing.assert_close(asked.queue, plain.queue)
