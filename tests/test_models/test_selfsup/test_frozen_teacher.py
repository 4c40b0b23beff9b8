"""The method as a whole; its gradients, resume and processes are those of all methods' tests."""

import copy

import numpy as np
import pytest
import torch

from gaia_ssl.engine import CPUAmpOptimWrapper
from gaia_ssl.search.evaluator import TreeEvaluator
from gaia_ssl.search.terms import build_terms
from gaia_ssl.utils import UserError

LOSSES = dict(
    global_cosine=dict(weight=0.5),
    global_relation=dict(temperature=0.07),
    dense_kl=dict(temperature=0.1, stages=[0, 1]),
)


def head(**losses):
    return dict(type='gaia_ssl.DistanceHead', losses=losses)


def unit(x, axis=1):
    return x / np.maximum(np.linalg.norm(x, axis=axis, keepdims=True), 1e-12)


def softmax(x):
    weights = np.exp(x - x.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def rows(feature, temperature):
    """Softmax of the rows of each image's self-similarity: (N, C, H, W) -> (N, P, P)."""
    flat = unit(feature.reshape(*feature.shape[:2], -1))
    return softmax(np.einsum('ncp,ncq->npq', flat, flat) / temperature)


def plain_loss(student, teacher, queue):
    """``LOSSES`` in numpy, from an embedding and two maps each."""
    (s, *student_maps), (t, *teacher_maps) = student, teacher
    s, t = unit(s), unit(t)
    cosine = 1 - (s * t).sum(1)
    relation = -(softmax(t @ queue / 0.07) * np.log(softmax(s @ queue / 0.07))).sum(1)
    dense = 0
    for one, other in zip(student_maps, teacher_maps, strict=True):
        q, p = rows(one, 0.1), rows(other, 0.1)
        dense += (p * np.log(p / q)).sum(2).mean(1) / len(student_maps)
    return (0.5 * cosine + relation + dense).mean()


def test_losses_and_queue_over_two_iterations(ssl):
    """Student and teacher are run here by themselves, the rest is numpy."""
    teacher = dict(ssl.teacher_config(), out_indices=(0, 1))
    model = ssl.in_double(ssl.build('Distill', head=head(**LOSSES), teacher=teacher))
    network = copy.deepcopy(model.encoder.teacher.network.backbone)
    queue = model.queue.numpy().copy()
    for iteration in range(2):
        ssl.at_iteration(iteration)
        batch = ssl.batch(iteration)
        plain = copy.deepcopy(model)
        losses, keys = [], []
        for arch in plain.arch_sampler.sample(plain.backbone.space, iteration):
            plain.backbone.set_arch(arch)
            plain.backbone.out_indices = (0, 1)
            for view in batch['inputs']:
                first, last = plain.backbone(view.double())
                student = [plain.neck((last,))[0], first, last]
                maps = network(view)
                features = [maps[-1].mean((2, 3)), *maps]
                pair = [[x.detach().double().numpy() for x in part] for part in (student, features)]
                losses.append(plain_loss(*pair, queue))
                keys.append(unit(pair[1][0]))
        log = model.train_step(batch, ssl.wrap(model, lr=0.01))
        np.testing.assert_allclose(log['loss'].item(), np.mean(losses), rtol=1e-5)
        queue[:, 4 * iteration : 4 * iteration + 4] = keys[0].T
        np.testing.assert_allclose(model.queue.numpy(), queue, rtol=1e-5, atol=1e-7)


def test_teacher_runs_once_per_view_and_does_not_change(ssl, monkeypatch):
    model = ssl.build('Distill', arch_sampler=dict(type='SandwichSampler', num_random=3))
    network = model.encoder.teacher.network
    before = copy.deepcopy(network.state_dict())
    calls = []
    network.register_forward_hook(lambda module, inputs, output: calls.append(output))
    for iteration in range(3):
        ssl.at_iteration(iteration)
        model.train_step(ssl.batch(iteration), ssl.wrap(model))
    assert len(calls) == 6
    assert not any(x.requires_grad for features in calls for x in (features[0], *features.maps))
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    assert all(p.grad is None for p in network.parameters())
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key
    # still in evaluation
    model.train()
    assert not network.backbone.training


def test_mixed_precision_runs_the_teacher_in_16_bits(ssl):
    plain, mixed = (ssl.build('Distill', head=head(global_cosine={})) for _ in range(2))
    calls = []
    mixed.encoder.teacher.network.backbone.layer2[0].conv1.register_forward_hook(
        lambda module, inputs, output: calls.append(output.dtype)
    )
    optimizer = torch.optim.SGD(mixed.parameters(), lr=0.1)
    log = mixed.train_step(ssl.batch(0), CPUAmpOptimWrapper(optimizer))
    assert calls == [torch.bfloat16] * 2
    expected = plain.train_step(ssl.batch(0), ssl.wrap(plain))
    torch.testing.assert_close(log['loss'], expected['loss'], rtol=0.05, atol=0.02)


def test_teacher_is_no_part_of_the_model(ssl):
    model = ssl.build('Distill')
    own = {id(p) for p in model.encoder.teacher.network.parameters()}
    assert own and not own & {id(p) for p in model.parameters()}
    assert not any('encoder' in key or 'teacher' in key for key in model.state_dict())
    before = {k: v.clone() for k, v in model.encoder.teacher.network.state_dict().items()}
    model.init_weights()
    after = model.encoder.teacher.network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_components_are_what_the_neck_learns(ssl):
    losses = head(global_cosine={})
    with pytest.raises(UserError, match='model.neck: its embeddings have 8 channels .* 3; give'):
        ssl.build('Distill', components=3, head=losses)
    neck = dict(ssl.methods['Distill'].config(12)['neck'], out_channels=3)
    model = ssl.build('Distill', components=3, head=losses, neck=neck)
    with pytest.raises(UserError, match='model.components: not computed yet'):
        model.train_step(ssl.batch(0), ssl.wrap(model))
    points = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    model.embedding_map.fit(points)
    log = model.train_step(ssl.batch(0), ssl.keep_gradients(model))
    embedding = np.concatenate(
        [model.encoder.teacher(view).embedding.numpy() for view in ssl.batch(0)['inputs']]
    )
    # the eigenvectors of the covariance are the right singular vectors, up to their signs
    points = points.numpy()
    _, _, axes = np.linalg.svd(points - points.mean(0))
    target = unit((embedding - points.mean(0)) @ axes[:3].T)
    signs = np.sign((axes[:3] * model.embedding_map.components.numpy()).sum(1))
    model.backbone.set_arch('MIN')
    student = [model.neck(model.backbone(view))[0] for view in ssl.batch(0)['inputs']]
    student = unit(torch.cat(student).detach().numpy())
    expected = (1 - (student * target * signs).sum(1)).mean()
    np.testing.assert_allclose(log['loss_min'].item(), expected, rtol=1e-4)


def own_teacher(ssl, **options):
    """A supernet whose teacher is its own MAX, with a neck of one linear layer."""
    plain = ssl.build('Distill', head=head(global_cosine={}))
    backbone = dict(type='gaia_ssl.DynamicResNet', space=plain.backbone.space.to_dict())
    file = f'{ssl.teacher_config()["init_cfg"]["checkpoint"]}.own'
    torch.save(plain.backbone.state_dict(), file)
    teacher = dict(backbone, init_cfg=dict(type='Pretrained', checkpoint=file))
    neck = dict(
        type='mmpretrain.LinearNeck', in_channels=12, out_channels=3, gap_dim=2, norm_cfg=None
    )
    given = dict(components=3, head=head(global_cosine={}), teacher=teacher, neck=neck) | options
    return plain, ssl.build('Distill', start_as_map=True, **given)


def test_max_has_the_embeddings_of_its_own_network_from_the_start(ssl, tmp_path):
    plain, model = own_teacher(ssl)
    points = torch.randn(50, 12, generator=torch.Generator().manual_seed(0))
    model.embedding_map.fit(points)
    model.start_neck()
    model.backbone.load_state_dict(plain.backbone.state_dict())
    image = ssl.batch(0)['inputs'][0]
    model.eval()
    found, expected = model.neck(model.backbone(image))[0], model.encoder(image, [])[0]
    torch.testing.assert_close(found, expected)
    # components in a file
    torch.save(model.embedding_map.state_dict(), tmp_path / 'components.pth')
    _, again = own_teacher(ssl, components_file=str(tmp_path / 'components.pth'))
    again.init_weights()
    assert torch.equal(again.neck.fc.weight, model.embedding_map.components)
    assert not any('starting' in key for key in again.state_dict())


@pytest.mark.parametrize(
    'options',
    [
        dict(
            components=None,
            neck=dict(
                type='mmpretrain.LinearNeck',
                in_channels=12,
                out_channels=12,
                gap_dim=2,
                norm_cfg=None,
            ),
        ),
        dict(neck=dict(type='mmpretrain.LinearNeck', in_channels=12, out_channels=3, gap_dim=2)),
        dict(
            neck=dict(
                type='mmpretrain.NonLinearNeck', in_channels=12, hid_channels=4, out_channels=3
            )
        ),
    ],
)
def test_necks_that_are_no_map(ssl, options):
    with pytest.raises(
        UserError, match='model.start_as_map: the neck is not one linear layer from'
    ):
        own_teacher(ssl, **options)


def test_a_search_has_the_measure_of_the_training(ssl):
    model = ssl.build('Distill', head=head(global_cosine={}, dense_kl=dict(stages=[0, 1])))
    space, images = model.backbone.space, ssl.batch(0, size=8)['inputs'][0]
    archs = [space.max, space.min]
    weights = dict(cosine=1.0, dense_kl=1.0)
    terms = build_terms('global', weights, [0, 1], 2)
    evaluator = TreeEvaluator(model.student, model.teacher, terms, archs, images.shape[2:])
    scores = evaluator(images, [5, 3]).sum(2)
    for part, row in zip(images.split([5, 3]), scores, strict=True):
        for arch, score in zip(archs, row, strict=True):
            # batch norms use the statistics of a batch in a training, of a group in a search
            data, targets = ssl.pass_at(model, arch, dict(inputs=[part], data_samples=[]))
            losses = model.subnet_loss(**data, targets=targets)
            np.testing.assert_allclose(sum(losses.values()).item(), score / len(part), rtol=1e-6)


def test_dense_losses_alone_leave_the_neck_out(ssl):
    model = ssl.build('Distill', head=head(dense_mse={}))
    model.train_step(ssl.batch(0), ssl.keep_gradients(model))
    trained = {k for k, p in model.named_parameters() if p.requires_grad}
    assert trained == ssl.gradients(model).keys()
    assert not any(key.startswith('neck') for key in trained)
    assert not hasattr(model, 'queue')


def test_cache_is_looked_up_by_the_images_index(ssl, tmp_path):
    """Whole images as views: the losses are those without a cache."""
    losses = head(global_cosine={}, global_relation={})
    teacher = ssl.teacher_config()
    plain = ssl.build('Distill', head=losses)
    model = ssl.build('Distill', head=losses, teacher=dict(teacher, cache=str(tmp_path)))
    batch = ssl.batch(0)
    batch['inputs'] = [batch['inputs'][0]] * 2
    with pytest.raises(UserError, match='model.teacher.cache: not opened'):
        model.train_step(batch, ssl.wrap(model))
    order = [2, 0, 3, 1]
    embeddings = plain.frozen_teacher(batch['inputs'][0]).embedding
    model.frozen_teacher.cache = embeddings[np.argsort(order)]
    with pytest.raises(UserError, match='the samples lack sample_idx'):
        model.train_step(batch, ssl.wrap(model))
    for sample, index in zip(batch['data_samples'], order):
        sample.set_field(index, 'sample_idx', field_type='metainfo')
    log = model.train_step(batch, ssl.wrap(model))
    expected = plain.train_step(batch, ssl.wrap(plain))
    torch.testing.assert_close(log['loss'], expected['loss'])
    with pytest.raises(UserError, match='model.teacher.cache: 5 is not a folder'):
        ssl.build('Distill', head=losses, teacher=dict(teacher, cache=5))


def test_without_a_queue_images_relate_to_their_batch(ssl):
    model = ssl.build('Distill', head=head(global_relation={}), queue_len=0)
    view = ssl.batch(0)['inputs'][0]
    data, targets = ssl.pass_at(model, 'MIN', dict(inputs=[view], data_samples=[]))
    [loss] = model.subnet_loss(**data, targets=targets).values()
    t = unit(model.encoder.teacher(view).embedding.numpy())
    s = unit(model.neck(model.backbone(view))[0].detach().numpy())
    expected = []
    for i in range(4):
        others = [j for j in range(4) if j != i]
        p, q = (softmax(x[others] @ x[i] / 0.2) for x in (t, s))
        expected.append(-(p * np.log(q)).sum())
    np.testing.assert_allclose(loss.item(), np.mean(expected), rtol=1e-5)
