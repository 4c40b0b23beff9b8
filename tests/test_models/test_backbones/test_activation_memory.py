"""The activation memory of an arch is that of the maps its extracted subnet makes."""

import re

import numpy as np
import pytest
import torch
import torch.nn as nn

from gaia_ssl.models.backbones import DynamicMobileNet, DynamicResNet, SubnetMobileNet
from gaia_ssl.space import count_cost

NETS = [
    (DynamicResNet, 'tiny10to22', {}),
    (DynamicResNet, 'tiny10to22', dict(block='bottleneck', style='caffe', stem='3x3')),
    (DynamicResNet, 'tiny10to22', dict(block='bottleneck', strides=(1, 1, 2, 2))),
    (DynamicMobileNet, 'tinymb4to8', {}),
]


def maps_of(net, size):
    """By module the bytes of its input and of its output, for one image."""
    sizes, hooks = {}, []

    def note(module, args, out):
        [x] = [x for x in args if torch.is_tensor(x)]
        if torch.is_tensor(out):
            sizes[module] = [4 * x.numel(), 4 * out.numel()]

    for module in net.modules():
        hooks.append(module.register_forward_hook(note))
    with torch.no_grad():
        net.eval()(torch.zeros(1, 3, *size))
    for hook in hooks:
        hook.remove()
    return sizes


def plain_memory(net, size):
    sizes = maps_of(net, size)
    stem = [m for m in net.stem_modules() if isinstance(m, nn.Conv2d)]
    needs = [sum(sizes[m]) for m in [*stem, *(m for m in sizes if isinstance(m, nn.MaxPool2d))]]
    for name, block in net.named_modules():
        if not re.fullmatch(r'layer\d+\.\d+', name):
            continue
        convs = [m for m in block.modules() if isinstance(m, nn.Conv2d)]
        # what waits for the sum: the projection's output, the block's input, or nothing
        waiting = sizes[block][0]
        if hasattr(block, 'downsample'):
            convs.remove(block.downsample[0])
            waiting = sizes[block.downsample[0]][1]
            needs.append(sum(sizes[block.downsample[0]]))
        elif isinstance(net, SubnetMobileNet) and name.endswith('.0'):
            waiting = 0
        for conv in convs:
            read = conv is convs[0] and not hasattr(block, 'downsample')
            needs.append(sum(sizes[conv]) + (0 if read else waiting))
    return max(needs)


@pytest.mark.parametrize('net, space, options', NETS)
def test_memory(net, space, options):
    supernet = net(space, **options)
    space = supernet.space
    rng = np.random.default_rng(0)
    for arch in [space.max, space.min, *(space.sample(rng) for _ in range(6))]:
        for size in ((32, 32), (50, 36)):
            want = plain_memory(supernet.extract(arch), size)
            assert count_cost(space, arch, size).memory == want
