"""Names and archs of ResNets."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.export.pretrained.resnet import describe, fold_biases, norm_of, own_names
from gaia_ssl.models.backbones import SubnetResNet
from gaia_ssl.space.families import ResNetFamily


@settings(max_examples=20, deadline=None)
@given(
    width=st.lists(st.sampled_from([8, 16, 24]), min_size=2, max_size=4),
    depth=st.lists(st.integers(1, 3), min_size=4, max_size=4),
    stem=st.sampled_from(['7x7', '3x3']),
    block=st.sampled_from(['basic', 'bottleneck']),
    expansion=st.sampled_from([None, 2, 3]),
    groups=st.booleans(),
    in_channels=st.integers(1, 4),
)
def test_family_and_arch_are_read_off_the_shapes(
    width, depth, stem, block, expansion, groups, in_channels
):
    stages = len(width)
    family = ResNetFamily(
        in_channels=in_channels,
        strides=(1,) + (2,) * (stages - 1),
        dilations=(1,) * stages,
        block=block,
        stem=stem,
        expansion=expansion,
        group_widths=(4,) * stages if groups and block == 'bottleneck' else (),
    )
    arch = dict(stem_width=16, width=width, depth=depth[:stages])
    with torch.device('meta'):
        weights = SubnetResNet(arch, **vars(family)).state_dict()
    assert describe(weights) == (family, arch)


def test_the_classifier_is_left_out_and_a_stem_of_several_layers_is_not():
    names = ['conv1.weight', 'bn1.bias', 'layer1.0.conv1.weight', 'stem.0.weight', 'conv1.0.weight']
    weights = {name: torch.ones(1) for name in (*names, 'fc.weight', 'neck.layer1.weight')}
    assert list(own_names(weights)) == names


def test_biases_move_into_means():
    weights = {}
    for conv in ('conv1', 'layer1.0.conv2', 'layer1.0.downsample.0'):
        weights[f'{conv}.bias'] = torch.tensor([1.0, 2.0])
        weights[f'{norm_of(conv)}.running_mean'] = torch.tensor([0.5, 0.5])
        weights[f'{norm_of(conv)}.bias'] = torch.tensor([7.0, 7.0])
    folded = fold_biases(weights)
    assert sorted(folded) == sorted(
        k for k in weights if not k.endswith(('conv1.bias', 'conv2.bias', '0.bias'))
    )
    for norm in ('bn1', 'layer1.0.bn2', 'layer1.0.downsample.1'):
        assert folded[f'{norm}.running_mean'].tolist() == [-0.5, -1.5]
        assert folded[f'{norm}.bias'].tolist() == [7, 7]
