import torch

from gaia_ssl.models.backbones import DynamicResNet
from gaia_ssl.models.layers import InputElasticLinear


def test_keys_are_enqueued_once(ssl):
    model = ssl.build()
    for iteration in range(3):
        before = model.queue.clone()
        model.train_step(ssl.batch(iteration), ssl.wrap(model))
        changed = (model.queue != before).any(0).nonzero().flatten().tolist()
        assert changed == list(range(4 * iteration, 4 * iteration + 4))
    assert int(model.queue_ptr) == 12


def test_key_encoder_moves_once(ssl):
    model = ssl.build()
    model.train_step(ssl.batch(0), ssl.wrap(model))  # the first update copies the online weights
    key, online = model.encoder_k.module[0].conv1.weight, model.backbone.conv1.weight
    expected = 0.99 * key.detach() + 0.01 * online.detach()
    model.train_step(ssl.batch(1), ssl.wrap(model))
    assert int(model.encoder_k.steps) == 2
    torch.testing.assert_close(key, expected)


def test_keys_come_from_max(ssl):
    model = ssl.build()
    model.backbone.set_arch('MIN')
    backbone, _ = model.teacher
    assert backbone.arch == backbone.space.max
    before = model.queue.clone()
    model.train_step(ssl.batch(0), ssl.wrap(model))
    assert backbone.arch == backbone.space.max
    assert not torch.equal(model.queue, before)
    assert not any(p.requires_grad for p in model.encoder_k.parameters())


def test_student_and_teacher(ssl):
    model = ssl.build()
    assert model.student == (model.backbone, model.neck)
    backbone, neck = model.teacher
    assert isinstance(backbone, DynamicResNet) and backbone is not model.backbone
    assert isinstance(neck.mlp[0], InputElasticLinear) and neck is not model.neck
    assert type(neck.mlp[2]) is torch.nn.Linear
