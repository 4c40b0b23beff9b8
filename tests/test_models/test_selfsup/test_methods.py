"""What holds for every method; in double precision where gradients are compared."""

import copy

import pytest
import torch
from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS

from gaia_ssl.models.selfsup import SupernetSelfSupervisor
from gaia_ssl.search.evaluator import TreeEvaluator
from gaia_ssl.search.terms import build_terms


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
    """Equal losses over five iterations, and equal weights after them."""
    case = ssl.methods[peer]
    model = ssl.build(peer, space=ssl.r18_space, channels=512)
    config = dict(case.config(512), type=f'mmpretrain.{peer}')
    config['backbone'] = dict(type='mmpretrain.ResNet', depth=18, zero_init_residual=False)
    config['data_preprocessor'] = dict(type='mmpretrain.SelfSupDataPreprocessor')
    twin = MMPRETRAIN_MODELS.build(config).train()
    weights = {key: value for key, value in model.state_dict().items() if key not in case.added}
    twin.load_state_dict(weights)
    ours, theirs = ssl.wrap(model, lr=0.03), ssl.wrap(twin, lr=0.03)
    for iteration in range(5):
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


@pytest.mark.parametrize('weight', [1.0, 0.3])
def test_distillation_mixes_the_distance_to_maxs_outputs(ssl, method, weight):
    """Losses and gradients, against each subnet computed by itself."""
    model = ssl.in_double(ssl.build(method, distillation=dict(weight=weight)))
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
    drawn = plain.arch_sampler.sample(space, 0)
    guide, losses = None, []
    for arch in [space.max, *(a for a in drawn if a != space.max)]:
        outputs.clear()
        plain.backbone.set_arch(arch)
        loss = plain.parse_losses(plain.subnet_loss(**data, targets=targets))[0]
        if guide is None:
            guide = [out.detach() for out in outputs]
        else:
            cosine = torch.nn.functional.cosine_similarity
            distances = [1 - cosine(a, b, dim=1).mean() for a, b in zip(outputs, guide)]
            loss = (1 - weight) * loss + weight * sum(distances) / len(distances)
        (loss / 3).backward()
        losses.append(loss.detach())
    torch.testing.assert_close(log['loss'], torch.stack(losses).mean(), rtol=1e-7, atol=1e-10)
    expected = ssl.gradients(plain)
    for key, grad in ssl.gradients(model).items():
        torch.testing.assert_close(grad, expected[key], rtol=1e-7, atol=1e-10)


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
    distance, archs = term.distance, [space.max, space.min]
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
