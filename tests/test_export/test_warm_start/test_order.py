"""The order of channels, against a plain pruning of the unordered network."""

import pytest
import torch
import torch.nn.functional as F

from gaia_ssl.export.pretrained.mobilenet import torchvision_names
from gaia_ssl.export.warm_start.order import importance, sort_channels
from gaia_ssl.export.warm_start.streams import Stream, streams_of
from gaia_ssl.models.backbones import SUPERNETS
from gaia_ssl.space import get_space
from gaia_ssl.space.families import MobileNetFamily


def l1_of_inputs(*convs):
    return sum(conv.weight.detach().double().abs().sum((0, 2, 3)) for conv in convs)


def largest(scores, number, unit=1):
    """The channels of the largest scores, in the order of the scores."""
    units = scores.view(-1, unit).sum(1).sort(descending=True).indices[: number // unit]
    return [int(u) * unit + i for u in units for i in range(unit)]


def conv(x, layer, outs, ins, **options):
    weight = layer.weight[outs] if layer.groups > 1 else layer.weight[outs][:, ins]
    options = dict(stride=layer.stride, padding=layer.padding) | options
    return F.conv2d(x, weight, groups=len(ins) // weight.shape[1], **options)


def norm(x, layer, outs):
    statistics = (layer.running_mean, layer.running_var, layer.weight, layer.bias)
    return F.batch_norm(x, *(value[outs] for value in statistics))


def written(*pairs):
    """The importance of channels that nothing reads."""
    return sum(
        c.weight.detach().double().abs().sum((1, 2, 3)) * b.weight / (b.running_var + 1e-5).sqrt()
        for c, b in pairs
    )


def pruned_resnet(net, x, stem, width, depth):
    """Run a torchvision ResNet with the channels of largest L1 norm and the first blocks alone."""
    stages = [net.layer1, net.layer2, net.layer3, net.layer4]
    basic = not hasattr(net.layer1[0], 'conv3')
    # channels of the stem are read by the first stage, or are those of the first stage
    tied = net.layer1[0].downsample is None
    if not tied:
        keep = largest(l1_of_inputs(net.layer1[0].conv1, net.layer1[0].downsample[0]), stem)
    for stage, blocks in enumerate(stages):
        readers = [block.conv1 for block in blocks[1:]]
        readers += [blocks[0].conv1] if stage == 0 and tied else []
        if stage < 3:
            following = stages[stage + 1][0]
            readers += [following.conv1, following.downsample[0]]
        scores = l1_of_inputs(*readers)
        expansion = len(scores) // len(blocks[0].conv1.weight)
        outs = largest(scores, width[stage] * expansion)
        if stage == 0:
            keep = outs if tied else keep
            x = norm(conv(x, net.conv1, keep, range(3)), net.bn1, keep).relu()
            x = F.max_pool2d(x, 3, 2, 1)
        for block in blocks[: depth[stage]]:
            shortcut = x
            if block.downsample is not None:
                shortcut = conv(x, block.downsample[0], outs, keep)
                shortcut = norm(shortcut, block.downsample[1], outs)
            if basic:
                inner = largest(l1_of_inputs(block.conv2), width[stage])
                y = norm(conv(x, block.conv1, inner, keep), block.bn1, inner).relu()
                y = norm(conv(y, block.conv2, outs, inner), block.bn2, outs)
            else:
                groups = block.conv2.groups
                unit = len(block.conv2.weight) // groups if groups > 1 else 1
                second = largest(l1_of_inputs(block.conv3), width[stage], unit)
                first = second if groups > 1 else largest(l1_of_inputs(block.conv2), width[stage])
                y = norm(conv(x, block.conv1, first, keep), block.bn1, first).relu()
                y = norm(conv(y, block.conv2, second, first), block.bn2, second).relu()
                y = norm(conv(y, block.conv3, outs, second), block.bn3, outs)
            x, keep = (y + shortcut).relu(), outs
    return x


RESNETS = {
    'resnet18': ('ar10to18', [32, 96, 128, 448], [1, 2, 1, 2]),
    'resnet50': ('ar26to50', [48, 64, 256, 384], [2, 3, 4, 3]),
    'resnext50_32x4d': ('ax26to50', [64, 192, 384, 768], [3, 2, 3, 2]),
}


@pytest.fixture
def supernet_of():
    """The supernet of a space whose MAX is a network, its channels sorted."""

    def make(net, space):
        with torch.device('meta'):
            space = get_space(space)
            supernet = SUPERNETS[type(space.family)](space)
        mobile = space.family.__class__ is MobileNetFamily
        weights = torchvision_names(net.state_dict()) if mobile else net.state_dict()
        weights, _ = sort_channels(weights, streams_of(space.family, space.max))
        supernet.load_state_dict({k: weights[k] for k in supernet.state_dict()}, assign=True)
        return supernet.eval()

    return make


@pytest.mark.parametrize('name', RESNETS)
@torch.no_grad()
def test_subnets_of_resnets_are_the_plain_l1_sorted_ones(network, supernet_of, assert_equal, name):
    space, width, depth = RESNETS[name]
    net = network(name)
    supernet = supernet_of(net, space)
    stem = dict(stem_width=48) if 'stem_width' in supernet.space.choices else {}
    arch = dict(width=width, depth=depth, **stem)
    x = torch.randn(2, 3, 64, 64)
    expected = pruned_resnet(net, x, 48, width, depth)
    assert_equal(supernet.extract(arch)(x)[0], expected)


def pruned_mobilenet(net, x, arch):
    """The same of torchvision's MobileNetV2."""
    stages, width = [], 0
    for block in list(net.features)[1:18]:
        layers = block.conv
        if layers[-1].num_features != width:
            stages.append([])
        stages[-1].append(layers)
        width = layers[-1].num_features
    first = stages[0][0]
    keep = largest(l1_of_inputs(first[1]), arch['stem_width'])
    x = norm(conv(x, net.features[0][0], keep, range(3)), net.features[0][1], keep)
    x = F.relu6(x)
    for stage, blocks in enumerate(stages):
        readers = [layers[0][0] for layers in blocks[1:]]
        if stage < 6:
            scores = l1_of_inputs(*readers, stages[stage + 1][0][0][0])
        else:
            scores = written(*((layers[-2], layers[-1]) for layers in blocks))
        outs = largest(scores, arch['width'][stage])
        for place, layers in enumerate(blocks[: arch['depth'][stage]]):
            *expand, depthwise, project, last = layers
            y, hidden = x, keep
            for layer in expand:
                number = arch['expansion'][stage] * len(keep)
                hidden = largest(l1_of_inputs(project), number)
                y = F.relu6(norm(conv(y, layer[0], hidden, keep), layer[1], hidden))
            y = F.relu6(norm(conv(y, depthwise[0], hidden, hidden), depthwise[1], hidden))
            y = norm(conv(y, project, outs, hidden), last, outs)
            x, keep = (x + y if place else y), outs
    return x


@torch.no_grad()
def test_subnets_of_mobilenet_are_the_plain_l1_sorted_ones(network, supernet_of, assert_equal):
    net = network('mobilenet_v2')
    supernet = supernet_of(net, 'mb7to17')
    arch = dict(
        stem_width=16,
        width=[8, 16, 32, 48, 96, 80, 160],
        depth=[1, 2, 1, 3, 3, 2, 1],
        kernel=[3] * 7,
        expansion=[1, 6, 6, 6, 3, 6, 6],
    )
    x = torch.randn(2, 3, 64, 64)
    assert_equal(supernet.extract(arch)(x)[0], pruned_mobilenet(net, x, arch))


def test_only_whole_groups_move():
    weights = {'a.weight': torch.arange(6.0).view(6, 1, 1, 1), 'b.weight': torch.ones(2, 6, 1, 1)}
    weights['c.weight'] = torch.arange(12.0).view(6, 2, 1, 1)
    weights['b.weight'][:, 3] = 9  # in the second of three groups
    weights['b.weight'][:, 5] = 5  # in the third
    for name in ('weight', 'bias', 'running_mean', 'running_var'):
        weights |= {f'{layer}_norm.{name}': torch.arange(6.0) for layer in 'ac'}
    stream = Stream([('a', 'a_norm')], ['b'], [('c', 'c_norm')], unit=2, stages=[0])
    ordered, orders = sort_channels(weights, [stream])
    order = [2, 3, 4, 5, 0, 1]
    assert orders == {0: order}
    assert ordered['a.weight'].flatten().tolist() == order
    assert ordered['c_norm.running_mean'].tolist() == order
    assert ordered['b.weight'][0].flatten().tolist() == [1, 9, 1, 5, 1, 1]
    assert ordered['c.weight'][0].flatten().tolist() == [4, 5]


def test_importance_sums_over_all_readers():
    weights = {'a.weight': torch.ones(2, 3, 1, 1), 'b.weight': -torch.ones(1, 3, 3, 3)}
    assert importance(weights, Stream(readers=['a', 'b'])).tolist() == [11, 11, 11]
