import copy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
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


@dataclass(frozen=True)
class Case:
    """What the tests must know about a method.

    Attributes:
        config: Its small config, all but type and backbone, for features of this many channels.
        moves: How far each of its counters moves in an iteration of ``BATCH`` images: pointers of
            queues by the images, a teacher's steps by one. It has no other counters.
        algorithm: Its registered name; mmpretrain's by default.
        in_mmpretrain: Whether mmpretrain has the method to compare with.
        added: Buffers that mmpretrain's method lacks.
        whole_loss: Whether mmpretrain's own loss runs on any subnet.
        views: Views of an image.
        frozen: Whether its teacher is no supernet.
    """

    config: Callable[[int], dict]
    moves: dict[str, int] = field(default_factory=dict)
    algorithm: str | None = None
    in_mmpretrain: bool = True
    added: tuple[str, ...] = ()
    whole_loss: bool = True
    views: int = 2
    frozen: bool = False


BATCH = 4
QUEUE = dict(queue_len=32, feat_dim=8, momentum=0.01)


def _plain(channels):
    return dict(in_channels=channels, hid_channels=16, out_channels=8)


FOLDER = tempfile.TemporaryDirectory(prefix='gaia_ssl')  # removed when the process ends


@cache
def teacher_config():
    """A frozen teacher with 8 channels and its weights in a file, made once per process."""
    network = dict(
        type='gaia_ssl.SubnetResNet',
        arch=dict(stem_width=4, width=[4, 8], depth=[1, 1]),
        block='basic',
        stem='3x3',
        strides=(1, 2),
        dilations=(1, 1),
    )
    torch.manual_seed(5)
    weights = MODELS.build(network).state_dict()
    file = f'{FOLDER.name}/teacher.pth'
    torch.save(weights, file)
    return dict(network, init_cfg=dict(type='Pretrained', checkpoint=file))


METHODS = dict(
    MoCo=Case(
        lambda channels: dict(
            neck=dict(type='mmpretrain.MoCoV2Neck', **_plain(channels)), head=_contrast(), **QUEUE
        ),
        moves={'encoder_k.steps': 1, 'queue_ptr': BATCH},
    ),
    BYOL=Case(
        lambda channels: dict(neck=_projector(channels, with_last_bn=False), head=_predict()),
        moves={'target_net.steps': 1},
    ),
    DenseCL=Case(
        lambda channels: dict(
            neck=dict(type='mmpretrain.DenseCLNeck', **_plain(channels)), head=_contrast(), **QUEUE
        ),
        moves={'encoder_k.steps': 1, 'queue_ptr': BATCH, 'queue2_ptr': BATCH},
        whole_loss=False,  # it compares features with MAX's, which are wider
    ),
    SimCLR=Case(lambda channels: dict(neck=_projector(channels), head=_contrast(0.1))),
    SimSiam=Case(
        lambda channels: dict(
            neck=_projector(channels, 3, with_last_bn_affine=False), head=_predict()
        )
    ),
    BarlowTwins=Case(
        lambda channels: dict(
            neck=_projector(channels, 3, with_last_bn=False),
            head=dict(
                type='mmpretrain.LatentCrossCorrelationHead',
                in_channels=8,
                loss=dict(type='mmpretrain.CrossCorrelationLoss'),
            ),
        )
    ),
    SwAV=Case(
        lambda channels: dict(
            neck=dict(type='mmpretrain.SwAVNeck', norm_cfg=dict(type='SyncBN'), **_plain(channels)),
            head=dict(
                type='mmpretrain.SwAVHead',
                loss=dict(
                    type='mmpretrain.SwAVLoss', feat_dim=8, num_crops=[2, 2], num_prototypes=5
                ),
            ),
        ),
        added=('queue',),
        views=4,
    ),
    MoCoV3=Case(
        lambda channels: dict(
            neck=_projector(channels, with_last_bn_affine=False),
            head=dict(
                type='mmpretrain.MoCoV3Head',
                predictor=_projector(8, with_avg_pool=False, with_last_bn=False),
                loss=dict(type='mmpretrain.CrossEntropyLoss', loss_weight=2.0),
                temperature=1.0,
            ),
        ),
        moves={'momentum_encoder.steps': 1},
    ),
    ReSSL=Case(
        lambda channels: dict(
            neck=dict(type='mmpretrain.MoCoV2Neck', **_plain(channels)),
            head=dict(type='gaia_ssl.RelationHead'),
            **QUEUE,
        ),
        moves={'encoder_k.steps': 1, 'queue_ptr': BATCH},
        algorithm='gaia_ssl.DynamicReSSL',
        in_mmpretrain=False,
    ),
    Distill=Case(
        lambda channels: dict(
            neck=_projector(channels),
            head=dict(
                type='gaia_ssl.DistanceHead',
                losses=dict(
                    global_cosine=dict(weight=0.5),
                    global_relation=dict(temperature=0.07),
                    dense_kl=dict(temperature=0.1),
                ),
            ),
            teacher=teacher_config(),
            queue_len=32,
        ),
        moves={'queue_ptr': BATCH},
        algorithm='gaia_ssl.DynamicDistill',
        in_mmpretrain=False,
        frozen=True,
    ),
)


def supernet_config(name='MoCo', space=SMALL_SPACE, channels=12, norm='BN', **options):
    """A supernet of a method that trains in milliseconds."""
    case = METHODS[name]
    stages = len(space['choices']['width'])
    backbone = dict(
        type='gaia_ssl.DynamicResNet',
        space=copy.deepcopy(space),
        out_indices=(stages - 1,),
        norm_cfg=dict(type=norm),
    )
    return dict(
        case.config(channels),
        type='gaia_ssl.LiftedSupernet',
        algorithm=case.algorithm or f'mmpretrain.{name}',
        **dict(dict(backbone=backbone), **options),
    )


def make_batch(seed, size=BATCH, side=16, views=2):
    """A batch as mmpretrain's data loader gives it: a list of images per view."""
    generator = torch.Generator().manual_seed(seed)
    # as SwAV's, views after the second are smaller
    sides = [side if view < 2 else side // 2 for view in range(views)]
    inputs = [torch.rand(size, 3, s, s, generator=generator) for s in sides]
    return dict(inputs=inputs, data_samples=[DataSample() for _ in range(size)])


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


def pass_at(model, arch, batch):
    """Inputs and targets of a pass at an arch, as in an iteration."""
    data = model.data_preprocessor(batch, training=True)
    with torch.no_grad():
        targets = model.targets(**data)
    model.backbone.set_arch(arch)
    return data, targets


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
        return make_batch(seed, views=METHODS[name].views, **options)

    return SimpleNamespace(
        build=build,
        wrap=wrap,
        batch=batch,
        at_iteration=set_iteration,
        in_double=in_double,
        keep_gradients=keep_gradients,
        pass_at=pass_at,
        config=supernet_config,
        gradients=gradients,
        gradients_one_by_one=gradients_one_by_one,
        methods=METHODS,
        teacher_config=teacher_config,
        r18_space=R18_SPACE,
    )


def pytest_generate_tests(metafunc):
    """Run a test that takes ``method`` for every method.

    One that takes ``peer`` or ``counted`` runs for those that mmpretrain has, or whose whole loss
    there moves a counter; one that takes ``own_teacher`` for those whose teacher is a supernet.
    """
    groups = dict(
        method=list(METHODS),
        own_teacher=[n for n, c in METHODS.items() if not c.frozen],
        peer=[n for n, c in METHODS.items() if c.in_mmpretrain],
        counted=[n for n, c in METHODS.items() if c.in_mmpretrain and c.whole_loss and c.moves],
    )
    for argument, names in groups.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, names)
