import torch
from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS

from gaia_ssl.models.backbones import DynamicResNet
from gaia_ssl.models.layers import DynamicLinear

R18 = dict(
    name='r18',
    family=dict(type='resnet', block='basic'),
    choices=dict(
        stem_width=[64],
        width=[[64], [128], [256], [512]],
        depth=[[2], [2], [2], [2]],
    ),
)


def mmpretrain_twin(model):
    """mmpretrain's own MoCo on its own ResNet-18, from the same weights."""
    twin = MMPRETRAIN_MODELS.build(
        dict(
            type='MoCo',
            queue_len=32,
            feat_dim=8,
            momentum=0.01,
            backbone=dict(type='ResNet', depth=18, zero_init_residual=False),
            neck=dict(type='MoCoV2Neck', in_channels=512, hid_channels=16, out_channels=8),
            head=dict(type='ContrastiveHead', loss=dict(type='CrossEntropyLoss'), temperature=0.2),
        )
    )
    twin.load_state_dict(model.state_dict())
    return twin.train()


def test_one_arch_space_is_mmpretrains_moco(ssl):
    model = ssl.build(space=R18, channels=512)
    twin = mmpretrain_twin(model)
    ours, theirs = ssl.wrap(model, lr=0.03), ssl.wrap(twin, lr=0.03)
    for iteration in range(5):
        ssl.at_iteration(iteration)
        batch = ssl.batch(iteration, size=4, side=32)
        torch.manual_seed(iteration)  # the order in which keys are shuffled
        loss = model.train_step(batch, ours)['loss']
        torch.manual_seed(iteration)
        expected = twin.train_step(batch, theirs)['loss']
        torch.testing.assert_close(loss, torch.as_tensor(expected), rtol=1e-5, atol=1e-6)
    for key, value in twin.state_dict().items():
        if 'encoder_k' in key and ('running' in key or 'tracked' in key):
            continue  # unused copies of the online statistics, taken before or after its pass
        torch.testing.assert_close(model.state_dict()[key], value, rtol=1e-4, atol=1e-5, msg=key)


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
    assert isinstance(neck.mlp[0], DynamicLinear) and neck is not model.neck
    assert type(neck.mlp[2]) is torch.nn.Linear
