import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.registry import MODELS

SMALL_SPACE = dict(
    name='small',
    family=dict(type='resnet', block='basic', stem='3x3', strides=(1, 2), dilations=(1, 1)),
    choices=dict(stem_width=[4, 6], width=[[4, 8], [8, 12]], depth=[[1, 2], [1, 2]]),
)
# what a space's only arch equals in mmpretrain
R18_SPACE = dict(
    name='r18',
    family=dict(type='resnet', block='basic'),
    choices=dict(stem_width=[64], width=[[64], [128], [256], [512]], depth=[[2], [2], [2], [2]]),
)


def _projector(in_channels, layers=2, **options):
    return dict(
        dict(
            type='mmpretrain.NonLinearNeck',
            in_channels=in_channels,
            hid_channels=16,
            out_channels=8,
            num_layers=layers,
            norm_cfg=dict(type='SyncBN'),
        ),
        **options,
    )


def _contrast(temperature=0.2):
    return dict(
        type='mmpretrain.ContrastiveHead',
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        temperature=temperature,
    )


def _predict(**options):
    return dict(
        type='mmpretrain.LatentPredictHead',
        loss=dict(type='mmpretrain.CosineSimilarityLoss'),
        predictor=_projector(8, with_avg_pool=False, with_last_bn=False, **options),
    )


def method_config(name, channels):
    """mmpretrain's config of a method, all but the backbone, for features of so many channels."""
    queue = dict(queue_len=32, feat_dim=8, momentum=0.01)
    plain = dict(in_channels=channels, hid_channels=16, out_channels=8)
    return dict(
        MoCo=dict(neck=dict(type='mmpretrain.MoCoV2Neck', **plain), head=_contrast(), **queue),
        BYOL=dict(neck=_projector(channels, with_last_bn=False), head=_predict()),
        DenseCL=dict(neck=dict(type='mmpretrain.DenseCLNeck', **plain), head=_contrast(), **queue),
        SimCLR=dict(neck=_projector(channels), head=_contrast(0.1)),
        SimSiam=dict(neck=_projector(channels, 3, with_last_bn_affine=False), head=_predict()),
        BarlowTwins=dict(
            neck=_projector(channels, 3, with_last_bn=False),
            head=dict(
                type='mmpretrain.LatentCrossCorrelationHead',
                in_channels=8,
                loss=dict(type='mmpretrain.CrossCorrelationLoss'),
            ),
        ),
        SwAV=dict(
            neck=dict(type='mmpretrain.SwAVNeck', norm_cfg=dict(type='SyncBN'), **plain),
            head=dict(
                type='mmpretrain.SwAVHead',
                loss=dict(
                    type='mmpretrain.SwAVLoss', feat_dim=8, num_crops=[2, 2], num_prototypes=5
                ),
            ),
        ),
        MoCoV3=dict(
            neck=_projector(channels, with_last_bn_affine=False),
            head=dict(
                type='mmpretrain.MoCoV3Head',
                predictor=_projector(8, with_avg_pool=False, with_last_bn=False),
                loss=dict(type='mmpretrain.CrossEntropyLoss', loss_weight=2.0),
                temperature=1.0,
            ),
        ),
        ReSSL=dict(
            neck=dict(type='mmpretrain.MoCoV2Neck', **plain),
            head=dict(type='gaia_ssl.RelationHead'),
            **queue,
        ),
    )[name]


METHODS = [
    *('MoCo', 'BYOL', 'DenseCL', 'SimCLR', 'SimSiam', 'BarlowTwins', 'SwAV', 'MoCoV3'),
    'ReSSL',  # not in mmpretrain
]


def supernet_config(name='MoCo', space=SMALL_SPACE, channels=12, norm='BN', **options):
    """A supernet of a method that trains in milliseconds."""
    algorithm = 'gaia_ssl.DynamicReSSL' if name == 'ReSSL' else f'mmpretrain.{name}'
    stages = len(space['choices']['width'])
    backbone = dict(
        type='gaia_ssl.DynamicResNet',
        space=copy.deepcopy(space),
        out_indices=(stages - 1,),
        norm_cfg=dict(type=norm),
    )
    return dict(
        method_config(name, channels),
        type='gaia_ssl.SupernetSelfSupervisor',
        algorithm=algorithm,
        **dict(dict(backbone=backbone), **options),
    )


def make_batch(seed, size=4, side=16, views=2):
    """A batch as mmpretrain's data loader gives it: a list of images per view."""
    generator = torch.Generator().manual_seed(seed)
    # as SwAV's, views after the second are smaller
    sides = [side if view < 2 else side // 2 for view in range(views)]
    inputs = [torch.rand(size, 3, s, s, generator=generator) for s in sides]
    return dict(inputs=inputs, data_samples=[DataSample() for _ in range(size)])


def views_of(name):
    """How many views a method's small config takes."""
    return 4 if name == 'SwAV' else 2


def set_iteration(iteration):
    hub = MessageHub.get_current_instance()
    hub.update_info('iter', iteration)
    hub.update_info('max_iters', 100)


def in_double(model):
    """The model in double precision; a preprocessor makes single precision of images."""

    def widen(module, args, data):
        return dict(data, inputs=[view.double() for view in data['inputs']])

    model.data_preprocessor.register_forward_hook(widen)
    return model.double()


class NoStep(torch.optim.SGD):
    """Keeps the gradients for a test to read."""

    def step(self, closure=None):
        pass

    def zero_grad(self, set_to_none=True):
        pass


def gradients(model):
    return {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}


def gradients_one_by_one(model, batch, iteration):
    """The plain definition: each subnet alone, against the same targets; then the mean."""
    archs = model.arch_sampler.sample(model.backbone.space, iteration)
    data = model.data_preprocessor(batch, training=True)
    with torch.no_grad():
        targets = model.targets(**data)
    total = {}
    for arch in archs:
        model.zero_grad()
        model.backbone.set_arch(arch)
        model.parse_losses(model.subnet_loss(**data, targets=targets))[0].backward()
        for key, grad in gradients(model).items():
            total[key] = total.get(key, 0) + grad / len(archs)
    return total


def keep_gradients(model):
    """An optimizer wrapper that leaves the gradients for a test to read."""
    return OptimWrapper(NoStep(model.parameters(), lr=1.0))


@pytest.fixture
def ssl():
    """What tests of methods share, with a clean message hub."""
    set_iteration(0)

    def build(name='MoCo', seed=0, **options):
        torch.manual_seed(seed)
        model = MODELS.build(supernet_config(name, **options))
        return model.train()

    def wrap(model, lr=0.1, **options):
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        return OptimWrapper(optimizer, **options)

    def batch(seed, name='MoCo', **options):
        return make_batch(seed, views=views_of(name), **options)

    return SimpleNamespace(
        build=build,
        wrap=wrap,
        batch=batch,
        at_iteration=set_iteration,
        in_double=in_double,
        keep_gradients=keep_gradients,
        gradients=gradients,
        gradients_one_by_one=gradients_one_by_one,
        methods=METHODS,
        method_config=method_config,
        r18_space=R18_SPACE,
    )


def pytest_generate_tests(metafunc):
    """A test that takes ``method`` runs for every one of them."""
    if 'method' in metafunc.fixturenames:
        metafunc.parametrize('method', METHODS)
