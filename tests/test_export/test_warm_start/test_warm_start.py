"""A supernet's checkpoint from a pretrained network's."""

import pytest
import torch
from mmengine.config import Config

from gaia_ssl.export.warm_start import network_to_supernet
from gaia_ssl.models.backbones import SubnetResNet
from gaia_ssl.models.supernet import load_supernet
from gaia_ssl.space import SearchSpace, get_space
from gaia_ssl.utils import UserError

SAME = {
    'resnet18': 'ar10to18',
    'resnet50': 'ar26to50',
    'resnext50_32x4d': 'ax26to50',
    'mobilenet_v2': 'mb7to17',
}
X = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))


def outputs(net, x):
    """What torchvision's network gives its pool; MobileNetV2 up to its 320 channels."""
    layers = net.features[:18] if hasattr(net, 'features') else list(net.children())[:-2]
    with torch.no_grad():
        return torch.nn.Sequential(*layers)(x)


@pytest.mark.parametrize('name', SAME)
@torch.no_grad()
def test_max_is_the_network_but_for_the_order_of_its_channels(network, started, assert_equal, name):
    net = network(name)
    supernet, outcome = started(net.state_dict(), SAME[name])
    assert outcome.is_max and outcome.arch == supernet.space.max
    expected, order = outputs(net, X), outcome.channels[-1]
    assert sorted(order) == list(range(expected.size(1))) != order
    assert_equal(supernet(X)[0], expected[:, order])


@torch.no_grad()
def test_every_stage_records_its_order(network, started, assert_equal):
    net = network('resnet18')
    supernet, outcome = started(net.state_dict(), 'ar10to18', out_indices=(0, 1, 2, 3))
    x = net.maxpool(net.relu(net.bn1(net.conv1(X))))
    for stage, found in enumerate(supernet(X)):
        x = net.get_submodule(f'layer{stage + 1}')(x)
        assert_equal(found, x[:, outcome.channels[stage]])


GROWN = {'resnet18': 'ar18to34', 'resnet50': 'ar26to101', 'mobilenet_v2': 'mb12to22'}


@pytest.mark.parametrize('name', GROWN)
@torch.no_grad()
def test_a_larger_supernet_computes_the_same(network, started, assert_equal, name):
    net = network(name)
    supernet, outcome = started(net.state_dict(), GROWN[name])
    assert not outcome.is_max
    expected = outputs(net, X)[:, outcome.channels[-1]]
    assert_equal(supernet(X)[0][:, : expected.size(1)], expected)
    supernet.set_arch(outcome.arch)
    assert_equal(supernet(X)[0], expected)


@torch.no_grad()
def test_a_larger_supernet_with_more_groups(network, started, assert_equal):
    net = network('resnext50_32x4d')
    space = get_space('ax26to50')
    choices = dict(
        stem_width=(64,),
        width=((128, 160), (256,), (512, 544), (1024,)),
        depth=((3, 4), (4,), (6,), (3,)),
    )
    larger = SearchSpace('larger', space.family, choices)
    supernet, outcome = started(net.state_dict(), larger)
    assert not outcome.is_max
    assert_equal(supernet(X)[0], outputs(net, X)[:, outcome.channels[-1]])


@pytest.mark.parametrize('depth', [18, 50])
@torch.no_grad()
def test_caffe_style(telling, started, assert_equal, depth):
    """MMDetection's own ResNet, whose first 1x1 convolution of a block strides."""
    from mmdet.models.backbones import ResNet

    torch.manual_seed(0)
    net = telling(ResNet(depth, style='caffe', norm_eval=False))
    weights = {f'backbone.{key}': value for key, value in net.state_dict().items()}
    space = {18: 'ar10to18', 50: 'ar26to50'}[depth]
    supernet, outcome = started(dict(state_dict=weights), space, style='caffe')
    assert_equal(supernet(X)[0], net(X)[-1][:, outcome.channels[-1]])


TINY = SearchSpace(
    'tiny',
    get_space('tiny10to22').family,
    dict(
        stem_width=(8, 12), width=((8,), (8, 16), (16,), (16, 32)), depth=((1,), (1, 2), (1,), (1,))
    ),
)
METHOD = dict(
    type='LiftedSupernet',
    algorithm='mmpretrain.BYOL',
    backbone=dict(type='DynamicResNet', space=TINY.to_dict()),
    neck=dict(
        type='mmpretrain.NonLinearNeck',
        in_channels=32,
        hid_channels=16,
        out_channels=16,
        num_layers=2,
    ),
    head=dict(
        type='mmpretrain.LatentPredictHead',
        loss=dict(type='mmpretrain.CosineSimilarityLoss'),
        predictor=dict(
            type='mmpretrain.NonLinearNeck',
            in_channels=16,
            hid_channels=16,
            out_channels=16,
            num_layers=2,
            with_avg_pool=False,
        ),
    ),
)


@pytest.fixture
def tiny(tmp_path, telling):
    """A small network that is the tiny space's MAX, and the path of its checkpoint."""
    torch.manual_seed(0)
    net = telling(SubnetResNet(TINY.max, **vars(TINY.family)))
    torch.save(net.state_dict(), tmp_path / 'network.pth')
    return net, str(tmp_path / 'network.pth')


@torch.no_grad()
def test_a_whole_method_starts_with_its_teacher(tmp_path, tiny, assert_equal):
    net, path = tiny
    config = Config(dict(model=METHOD))
    out = str(tmp_path / 'deep' / 'supernet.pth')
    outcome = network_to_supernet(config, path, out)
    model = load_supernet(config, out)
    expected = net(X)[0][:, outcome.channels[-1]]
    for backbone, _ in (model.student, model.teacher):
        assert_equal(backbone(X)[0], expected)
    ours, theirs = (
        torch.nn.Sequential(*encoder).state_dict() for encoder in (model.student, model.teacher)
    )
    assert all(torch.equal(ours[key], value) for key, value in theirs.items())
    recorded = torch.load(out, weights_only=True)['meta']['warm_start']
    assert recorded['arch'] == TINY.max and recorded['channels'] == outcome.channels
    assert recorded['checkpoint'] == path and recorded['space'] == 'tiny'


def test_is_repeatable_and_leaves_the_generator_alone(tmp_path, tiny):
    config = Config(dict(model=METHOD))
    files = []
    for seed in (0, 0, 1):
        state = torch.get_rng_state()
        out = str(tmp_path / f'{len(files)}.pth')
        network_to_supernet(config, tiny[1], out, seed=seed)
        assert torch.equal(state, torch.get_rng_state())
        files.append(torch.load(out, weights_only=True)['state_dict'])
        torch.randn(1)
    first, again, other = files
    assert all(torch.equal(again[key], value) for key, value in first.items())
    assert any(not torch.equal(other[key], value) for key, value in first.items())


def test_wrong_inputs_leave_nothing(tmp_path, tiny):
    out = tmp_path / 'out.pth'
    config = Config(dict(model=dict(backbone=dict(type='DynamicResNet', space='ar26to50'))))
    with pytest.raises(
        UserError, match="does not fit into the largest subnet of 'ar26to50': conv1"
    ):
        network_to_supernet(config, tiny[1], str(out))
    with pytest.raises(UserError, match='checkpoint: .*none.pth does not exist'):
        network_to_supernet(config, str(tmp_path / 'none.pth'), str(out))
    with pytest.raises(UserError, match='has no model.backbone; give the training config'):
        network_to_supernet(Config(), tiny[1], str(out))
    assert not out.exists()


def test_what_a_checkpoint_says_of_its_images_is_compared(tmp_path, tiny):
    out = str(tmp_path / 'out.pth')
    normalisation = dict(mean=[1.0, 2.0, 3.0], std=[1.0, 1.0, 1.0], to_rgb=False)
    weights = torch.load(tiny[1], weights_only=True)
    for meta, message in (
        (dict(style='caffe'), r'model.backbone.style: .* in caffe style; set it to .caffe.'),
        (dict(family=dict(style='caffe')), r'model.backbone.style: .* in caffe style'),
        (
            dict(normalisation=normalisation),
            r'model.data_preprocessor: .*; set mean=\[1.0, 2.0, 3.0\], std=.*to_rgb=False',
        ),
    ):
        torch.save(dict(state_dict=weights, meta=meta), tiny[1])
        with pytest.raises(UserError, match=message):
            network_to_supernet(Config(dict(model=METHOD)), tiny[1], out)
    config = Config(dict(model=METHOD | dict(data_preprocessor=normalisation)))
    assert network_to_supernet(config, tiny[1], out).is_max


def test_the_network_as_its_own_teacher(tmp_path, tiny):
    """The checkpoint has the backbone alone, since the teacher is read from it."""
    options = dict(type='DynamicResNet', space=TINY.to_dict())
    out = tmp_path / 'start.pth'
    teacher = dict(options, init_cfg=dict(type='Pretrained', checkpoint=str(out)))
    model = METHOD | dict(type='DynamicDistill', backbone=options, teacher=teacher)
    network_to_supernet(Config(dict(model=model)), tiny[1], str(out))
    weights = torch.load(out, weights_only=True)['state_dict']
    assert {key.partition('.')[0] for key in weights} == {'backbone'}
    model['backbone'] = dict(options, style='caffe')
    with pytest.raises(UserError, match="model.teacher.style: model.backbone.style is 'caffe'; se"):
        network_to_supernet(Config(dict(model=model)), tiny[1], str(out))
