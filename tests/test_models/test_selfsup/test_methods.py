"""What holds for every method; in double precision where gradients are compared."""

import copy

import pytest
import torch
from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS

from gaia_ssl.models.selfsup import SupernetSelfSupervisor
from gaia_ssl.registry import MODELS
from gaia_ssl.search.evaluator import TreeEvaluator
from gaia_ssl.search.terms import build_terms
from gaia_ssl.space import count_cost


def test_gradient_is_mean_of_subnets(ssl, method):
    model = ssl.in_double(ssl.build(method))
    plain = copy.deepcopy(model)
    torch.manual_seed(1)  # the order in which keys are shuffled
    model.train_step(ssl.batch(0, method), ssl.keep_gradients(model))
    torch.manual_seed(1)
    expected = ssl.gradients_one_by_one(plain, ssl.batch(0, method), 0)
    found = ssl.gradients(model)
    assert found.keys() == expected.keys()
    assert found.keys() == {k for k, p in model.named_parameters() if p.requires_grad}
    for key, grad in expected.items():
        torch.testing.assert_close(found[key], grad, rtol=1e-7, atol=1e-10)


def test_one_arch_space_is_mmpretrains_method(ssl, peer):
    """Equal losses over three iterations, and equal weights after them."""
    case = ssl.methods[peer]
    model = ssl.build(peer, space=ssl.r18_space, channels=512)
    config = dict(case.config(512), type=f'mmpretrain.{peer}')
    config['backbone'] = dict(type='mmpretrain.ResNet', depth=18, zero_init_residual=False)
    config['data_preprocessor'] = dict(type='mmpretrain.SelfSupDataPreprocessor')
    twin = MMPRETRAIN_MODELS.build(config).train()
    weights = {key: value for key, value in model.state_dict().items() if key not in case.added}
    twin.load_state_dict(weights)
    ours, theirs = ssl.wrap(model, lr=0.03), ssl.wrap(twin, lr=0.03)
    for iteration in range(3):
        ssl.at_iteration(iteration)
        batch = ssl.batch(iteration, peer, side=32)
        torch.manual_seed(iteration)  # the order in which keys are shuffled
        loss = model.train_step(copy.deepcopy(batch), ours)['loss']
        torch.manual_seed(iteration)
        expected = twin.train_step(batch, theirs)['loss']
        torch.testing.assert_close(loss, torch.as_tensor(expected), rtol=1e-4, atol=1e-5)
    for key, value in twin.state_dict().items():
        teacher = key.startswith(('encoder_k', 'target_net', 'momentum_encoder'))
        if teacher and ('running' in key or 'tracked' in key):
            continue  # unused copies of the online statistics, taken before or after its pass
        torch.testing.assert_close(model.state_dict()[key], value, rtol=1e-3, atol=1e-4)


def counters(model):
    """The whole numbers among a model's buffers, but for the norms' counts of batches."""
    return {
        name: buffer.item()
        for name, buffer in model.named_buffers()
        if not buffer.is_floating_point() and not name.endswith('num_batches_tracked')
    }


def test_teacher_and_queues_move_once_per_iteration(ssl, method):
    model = ssl.build(method)
    moves = ssl.methods[method].moves
    assert counters(model) == dict.fromkeys(moves, 0)
    for iteration in range(3):
        ssl.at_iteration(iteration)
        model.train_step(ssl.batch(iteration, method), ssl.wrap(model))
        assert counters(model) == {name: (iteration + 1) * by for name, by in moves.items()}


def test_mmpretrains_whole_loss_per_subnet_moves_them_more_often(ssl, counted):
    """The reference procedure; the test above would tell it from ours."""
    model = ssl.build(counted)
    data = model.data_preprocessor(ssl.batch(0, counted), training=True)
    for name in ('MIN', 'MAX'):
        model.backbone.set_arch(name)
        model.loss(**data)
    moves = ssl.methods[counted].moves
    assert counters(model) == {name: 2 * by for name, by in moves.items()}


def test_student_and_teacher_embed_features_of_any_subnet(ssl, own_teacher):
    model = ssl.build(own_teacher).eval()
    assert isinstance(model, SupernetSelfSupervisor)
    for backbone, neck in (model.student, model.teacher):
        embedding = neck(backbone(ssl.batch(0)['inputs'][0]))[0]
        assert embedding.shape == (4, 8) and embedding.isfinite().all()
    model.backbone.set_arch('MIN')
    backbone, neck = model.student
    assert neck(backbone(ssl.batch(0)['inputs'][0]))[0].shape == (4, 8)
    assert model.teacher[0] is model.backbone or model.teacher[0].arch == model.backbone.space.max


@pytest.mark.parametrize('weights', [dict(max=1.0), dict(max=0.3, next=0.2, ema=0.1)])
def test_guides_are_outputs_of_larger_subnets(ssl, method, weights):
    """Losses and gradients, against each subnet computed by itself."""
    if not MODELS.build(ssl.config(method)).has_momentum_teacher:
        weights = {name: weight for name, weight in weights.items() if name != 'ema'}
    sampler = dict(type='SandwichSampler', num_random=2)
    model = ssl.build(method, guides=dict(weights=weights), arch_sampler=sampler)
    model = ssl.in_double(model)
    plain = copy.deepcopy(model)
    torch.manual_seed(1)
    log = model.train_step(ssl.batch(0, method), ssl.keep_gradients(model))

    outputs = []
    plain.neck.register_forward_hook(
        lambda m, i, out: outputs.extend([out] if torch.is_tensor(out) else out)
    )
    space = plain.backbone.space
    data = plain.data_preprocessor(ssl.batch(0, method), training=True)
    torch.manual_seed(1)
    with torch.no_grad():
        targets = plain.targets(**data)
        teacher = plain.teacher_outputs(data['inputs'], targets) if 'ema' in weights else None
    drawn = plain.arch_sampler.sample(space, 0)
    drawn.sort(key=lambda arch: -count_cost(space, arch, 16).flops)
    assert drawn[0] == space.max and len(drawn) == 4
    seen, losses = [], []
    for arch in drawn:
        outputs.clear()
        plain.backbone.set_arch(arch)
        loss = plain.parse_losses(plain.subnet_loss(**data, targets=targets))[0]
        if seen:
            guides = dict(max=seen[0], next=seen[-1], ema=teacher)
            loss = (1 - sum(weights.values())) * loss
            for name, weight in weights.items():
                cosine = torch.nn.functional.cosine_similarity
                pairs = zip(outputs, guides[name], strict=True)
                distances = [1 - cosine(a, b, dim=1).mean() for a, b in pairs]
                loss = loss + weight * sum(distances) / len(distances)
        seen.append([out.detach() for out in outputs])
        (loss / 4).backward()
        losses.append(loss.detach())
    torch.testing.assert_close(log['loss'], torch.stack(losses).mean(), rtol=1e-7, atol=1e-10)
    expected = ssl.gradients(plain)
    for key, grad in ssl.gradients(model).items():
        torch.testing.assert_close(grad, expected[key], rtol=1e-7, atol=1e-10)


def test_a_frozen_teacher_guides_every_method(ssl, own_teacher):
    """MAX and MIN by the relations of what the backbone read, against a plain computation."""
    config = ssl.teacher_config()
    options = dict(weights=dict(teacher=0.3), temperature=0.2)
    sampler = dict(type='AnchorSampler', names=['MAX', 'MIN'])
    model = ssl.build(own_teacher, guides=options, teacher=config, arch_sampler=sampler)
    model = ssl.in_double(model)
    plain = copy.deepcopy(model)
    torch.manual_seed(1)
    log = model.train_step(ssl.batch(0, own_teacher), ssl.keep_gradients(model))

    network = copy.deepcopy(model.frozen_teacher.network)
    images, embeddings = [], []
    plain.backbone.register_forward_pre_hook(lambda m, read: images.append(read[0].float()))
    plain.neck.register_forward_hook(
        lambda m, i, out: embeddings.append(out if torch.is_tensor(out) else out[0])
    )
    data = plain.data_preprocessor(ssl.batch(0, own_teacher), training=True)
    torch.manual_seed(1)
    with torch.no_grad():
        targets = plain.targets(**data)
    losses = []
    for arch in (plain.backbone.space.max, plain.backbone.space.min):
        images.clear(), embeddings.clear()
        plain.backbone.set_arch(arch)
        own = plain.parse_losses(plain.subnet_loss(**data, targets=targets))[0]
        with torch.no_grad():
            t = torch.cat([network(x).embedding for x in images]).double()
        t = t - t.mean(0)
        relations = []
        for x in (t, torch.cat(embeddings)):
            x = x / x.norm(dim=1, keepdim=True)
            logits = x @ x.T / 0.2
            logits = logits.masked_fill(torch.eye(len(x), dtype=torch.bool), -1e9)
            relations.append(logits.log_softmax(1))
        entropy = -(relations[0].exp() * relations[1]).sum(1).mean()
        loss = 0.7 * own + 0.3 * entropy
        (loss / 2).backward()
        losses.append(loss.detach())
    torch.testing.assert_close(log['loss_max'], losses[0], rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(log['loss_min'], losses[1], rtol=1e-6, atol=1e-8)
    expected = ssl.gradients(plain)
    assert expected.keys() == ssl.gradients(model).keys()
    for key, grad in ssl.gradients(model).items():
        torch.testing.assert_close(grad, expected[key], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize('name', ['MoCo', 'BYOL', 'DenseCL'])
def test_the_momentum_teacher_guides_with_the_same_views(ssl, name):
    """A teacher that equals the student, both at MAX, puts out what the student does."""
    model = ssl.in_double(ssl.build(name)).eval()
    data = model.data_preprocessor(ssl.batch(0, name))
    teacher, (backbone, neck) = getattr(model, model.teacher_name).module, model.student
    teacher[0].load_state_dict(backbone.state_dict())
    teacher[1].load_state_dict(neck.state_dict())
    model.update_teacher = lambda: None
    outputs = []
    neck.register_forward_hook(
        lambda m, i, out: outputs.extend([out] if torch.is_tensor(out) else out)
    )
    with torch.no_grad():
        targets = model.targets(**data)
        model.subnet_loss(**data, targets=targets)
        found = model.teacher_outputs(data['inputs'], targets)
    assert len(found) == len(outputs) > 0
    for one, other in zip(found, outputs):
        torch.testing.assert_close(one, other)


def test_channels_last_changes_nothing_but_speed(ssl, method):
    plain, last = (ssl.in_double(ssl.build(method, channels_last=c)) for c in (False, True))
    assert last.backbone.layer1[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)
    for iteration in range(2):
        ssl.at_iteration(iteration)
        batch = ssl.batch(iteration, method)
        losses = []
        for model in (plain, last):
            torch.manual_seed(iteration)
            losses.append(model.train_step(copy.deepcopy(batch), ssl.wrap(model))['loss'])
        torch.testing.assert_close(*losses)


def test_a_search_takes_student_and_teacher_as_they_are(ssl, own_teacher):
    """Synchronised norms, several outputs and SwAV's crops included."""
    model = ssl.in_double(ssl.build(own_teacher, norm='SyncBN'))
    space = model.backbone.space
    images = ssl.batch(0, size=12)['inputs'][0].double()
    stages = len(space.path(space.max).stages)
    [term] = terms = build_terms('global', None, None, stages)
    distance, archs = term.score, [space.max, space.min]
    scores = TreeEvaluator(model.student, model.teacher, terms, archs, images.shape[2:])(
        images, [5, 7]
    )
    encoders = []
    for backbone, neck in (model.student, model.teacher):
        encoders.append((copy.deepcopy(backbone).train(), copy.deepcopy(neck).train()))
    (backbone, neck), (teacher, teacher_neck) = encoders
    for group, part in enumerate(images.split([5, 7])):
        target = distance.target(teacher_neck(teacher(part))[0])
        for candidate, arch in enumerate(archs):
            backbone.set_arch(arch)
            expected = distance(neck(backbone(part))[0], target).sum().item()
            torch.testing.assert_close(scores[group, candidate, 0], expected, rtol=1e-9, atol=1e-12)
